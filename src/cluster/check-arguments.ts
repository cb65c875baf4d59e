/** Would an engine's own parser accept this command? Answered from the data in `engine-flags/`, without the engine. */
import type { EngineFlags, Flag, ProgramFlags, ValueCount } from "./engine-flags.ts";
import { problemOfValue } from "./flag-values.ts";

interface Reading {
  readonly program: ProgramFlags;
  readonly problems: string[];
  readonly seen: Set<Flag>;
  readonly positionals: string[];
}

/**
 * One sentence per problem; none if the parser would accept the command.
 *
 * `argv` as in a plan: the engine's program may stand behind others (`mpirun … trtllm-serve serve …`), which are not
 * looked at. Not checked: what files hold, the keys of JSON values (vLLM's parser does), and what the engine checks
 * once it has parsed everything, such as flags that exclude each other.
 */
export function checkArguments(flags: EngineFlags, argv: readonly string[]): readonly string[] {
  const found = findProgram(flags, argv);
  if (found === undefined) {
    const known = Object.keys(flags.commands).join(", ");
    return [
      `"${argv.slice(0, 3).join(" ")}" starts no program of ${flags.engine} ${flags.version} (${known}).`,
    ];
  }
  const reading: Reading = {
    program: found.program,
    problems: [],
    seen: new Set(),
    positionals: [],
  };
  readArguments(reading, found.rest);
  checkPositionals(reading);
  for (const flag of found.program.flags) {
    if (flag.required === true && !reading.seen.has(flag))
      reading.problems.push(`The flag ${flag.names[0]} is missing.`);
  }
  const where = `${found.name} (${flags.engine} ${flags.version})`;
  return reading.problems.map((problem) => `${where}: ${problem}`);
}

/** The first program of the engine's in `argv`; of two at the same place the longer. */
function findProgram(flags: EngineFlags, argv: readonly string[]) {
  const programs = Object.entries(flags.commands).toSorted(([a], [b]) => b.length - a.length);
  for (let start = 0; start < argv.length; start++) {
    for (const [name, program] of programs) {
      const words = name.split(" ");
      const given = argv.slice(start, start + words.length);
      if (words.every((word, index) => isWord(given[index], word, index)))
        return { name, program, rest: argv.slice(start + words.length) };
    }
  }
  return undefined;
}

/** A program may be given by its path, and Python by its version. */
function isWord(given: string | undefined, word: string, index: number): boolean {
  if (given === undefined) return false;
  if (index > 0) return given === word;
  const name = given.slice(given.lastIndexOf("/") + 1);
  return name === word || (word === "python" && /^python3(\.\d+)?$/.test(name));
}

function readArguments(reading: Reading, given: readonly string[]): void {
  let index = 0;
  while (index < given.length) {
    const word = given[index++] as string;
    if (word === "--") {
      reading.positionals.push(...given.slice(index));
      return;
    }
    if (!isOption(word)) reading.positionals.push(word);
    else index += readOption(reading, word, given.slice(index));
  }
}

/** Negative numbers are values. */
function isOption(word: string): boolean {
  return word.startsWith("-") && word !== "-" && !/^-\d+$|^-\d*\.\d+$/.test(word);
}

/** Returns how many of the words that follow belong to the option. */
function readOption(reading: Reading, word: string, following: readonly string[]): number {
  const { name, inline, isKey } = splitOption(reading.program, word);
  const flag = findFlag(reading.program, name);
  if (typeof flag === "string") {
    reading.problems.push(flag);
    return following.findIndex(isOption) === -1 ? following.length : following.findIndex(isOption);
  }
  reading.seen.add(flag);
  if (flag.refused !== undefined) reading.problems.push(`${name} is refused: ${flag.refused}`);
  const takes: ValueCount = isKey ? 1 : flag.takes;
  const values = inline === undefined ? valuesFor(reading.program, takes, following) : [inline];
  // `vllm serve` makes the model of it, which otherwise stands alone.
  if (reading.program.dialect === "vllm" && name === "--model") reading.positionals.push(...values);
  const problem = problemOfCount(takes, values.length);
  if (problem !== undefined) reading.problems.push(`${name} ${problem}.`);
  else if (!isKey) {
    reading.problems.push(
      ...values.flatMap((value) => {
        const bad = problemOfValue(flag, value);
        return bad === undefined ? [] : [`${name} ${bad}.`];
      }),
    );
  }
  return inline === undefined ? values.length : 0;
}

function splitOption(program: ProgramFlags, word: string) {
  const equals = word.indexOf("=");
  let name = equals === -1 ? word : word.slice(0, equals);
  const inline = equals === -1 ? undefined : word.slice(equals + 1);
  if (program.dialect !== "vllm") return { name, inline, isKey: false };
  const level = /^-O([^.]+)$/.exec(name)?.[1];
  if (level !== undefined && program.flags.some(({ names }) => names.includes("-O")))
    return { name: "-O", inline: level, isKey: true };
  if (level !== undefined || (name === "-O" && inline !== undefined))
    return { name: "--optimization-level", inline: level ?? inline, isKey: false };
  const dot = name.indexOf(".");
  if (dot !== -1) name = name.slice(0, dot);
  if (name.startsWith("--")) name = `--${name.slice(2).replaceAll("_", "-")}`;
  return { name, inline, isKey: dot !== -1 };
}

/** The flag, or a sentence. argparse takes a beginning that only one name has; click does not. */
function findFlag(program: ProgramFlags, name: string): Flag | string {
  const exact = program.flags.find(({ names }) => names.includes(name));
  if (exact !== undefined) return exact;
  if (program.dialect === "click" || !name.startsWith("--")) return `there is no flag ${name}.`;
  const longer = program.flags.flatMap((flag) =>
    flag.names.filter((full) => full.startsWith(name)).map((full) => ({ flag, full })),
  );
  const [only, more] = longer;
  if (only === undefined) return `there is no flag ${name}.`;
  if (more === undefined) return only.flag;
  return `there is no flag ${name}, and several begin so: ${longer.map(({ full }) => full).join(", ")}.`;
}

function valuesFor(program: ProgramFlags, takes: ValueCount, following: readonly string[]) {
  // click gives an option the words that follow it, whatever they look like.
  if (program.dialect === "click" && typeof takes === "number") return following.slice(0, takes);
  const end = following.findIndex(isOption);
  const values = end === -1 ? following : following.slice(0, end);
  if (typeof takes === "number") return values.slice(0, takes);
  return takes === "?" ? values.slice(0, 1) : values;
}

function problemOfCount(takes: ValueCount, count: number): string | undefined {
  if (takes === 0) return count === 0 ? undefined : "takes no value";
  if (typeof takes === "number")
    return count === takes ? undefined : `needs ${takes === 1 ? "a value" : `${takes} values`}`;
  return takes === "+" && count === 0 ? "needs a value" : undefined;
}

function checkPositionals({ program, positionals, problems }: Reading): void {
  const least = program.positionals.reduce((sum, { takes }) => sum + leastOf(takes), 0);
  const most = program.positionals.reduce((sum, { takes }) => sum + mostOf(takes), 0);
  if (positionals.length < least)
    problems.push(`${program.positionals.map(({ name }) => name).join(", ")} is missing.`);
  for (const extra of positionals.slice(most)) problems.push(`"${extra}" belongs to no flag.`);
}

function leastOf(takes: ValueCount): number {
  if (typeof takes === "number") return takes;
  return takes === "+" ? 1 : 0;
}

function mostOf(takes: ValueCount): number {
  if (typeof takes === "number") return takes;
  return takes === "?" ? 1 : Number.POSITIVE_INFINITY;
}
