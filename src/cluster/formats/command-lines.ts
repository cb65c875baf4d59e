/** Switches that a word can follow which is no value of theirs. `--enable-…`, `--disable-…` and `--no-…` are others. */
const switches = new Set([
  "--allow-run-as-root",
  "--block",
  "--head",
  "--headless",
  "--oversubscribe",
  "--pd-disaggregation",
  "--trust-remote-code",
  "--trust_remote_code",
]);

/** How many values these flags take, whatever the values look like. Others take one, and all numbers behind it. */
const valueCounts: ReadonlyMap<string, number> = new Map([
  ["-mca", 2],
  ["--mca", 2],
  ["--worker-urls", Number.POSITIVE_INFINITY],
]);

/** Programs that start the one behind them. */
const launchers = new Set(["trtllm-llmapi-launch"]);

/**
 * The quoted words of a command, a line each of: the program, with a short first flag (`mpirun -np 16`); each other flag
 * with its values; what stands behind the values, such as another program or a model.
 */
export function commandLines(words: readonly string[]): string[][] {
  const lines: string[][] = [];
  let valuesLeft = Number.POSITIVE_INFINITY;
  words.forEach((word, index) => {
    const before = words[index - 1] ?? "";
    const isValue = valuesLeft > 0 && valueCounts.has(lines.at(-1)?.[0] ?? "");
    let begins = index === 0;
    if (isFlag(word, before) && !isValue) {
      valuesLeft = valuesOf(word);
      const isFirst = index === (words[0] === "exec" ? 2 : 1);
      begins ||= !isFirst || word.startsWith("--");
    } else if (launchers.has(before) || (valuesLeft <= 0 && !/^\d+$/.test(word))) {
      valuesLeft = Number.POSITIVE_INFINITY;
      begins = true;
    } else valuesLeft -= 1;
    if (begins) lines.push([word]);
    else lines.at(-1)?.push(word);
  });
  return lines;
}

/** The `-m` of `python -m` is a part of the program. */
function isFlag(word: string, before: string): boolean {
  if (word === "-m" && /^(?:.*\/)?python[\d.]*$/.test(before)) return false;
  return /^["']?-\D/.test(word) && !/^["']-['"]?$/.test(word);
}

function valuesOf(flag: string): number {
  if (/^["']?--?[\w.-]+=/.test(flag)) return 0;
  if (switches.has(flag) || /^--(?:enable|disable|no)[-_]/.test(flag)) return 0;
  return valueCounts.get(flag) ?? 1;
}
