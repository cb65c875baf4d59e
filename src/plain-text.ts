/** Numbers, tables and paragraphs for people, without colours. */

const binary = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `8.6 GiB`: three digits that matter, powers of 1,024. */
export function sizeText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1_000 && unit < binary.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${digits(value)} ${binary[unit]}`;
}

/** `1,026 B`, `32.9 B`, `7.5 M`: of parameters. */
export function countText(count: number): string {
  const [value, unit] =
    count >= 1e9 ? [count / 1e9, " B"] : count >= 1e6 ? [count / 1e6, " M"] : [count, ""];
  return unit === "" ? wholeText(count) : `${digits(value)}${unit}`;
}

/** `131,072`, in every locale. */
export function wholeText(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function digits(value: number): string {
  if (value >= 1_000) return wholeText(value);
  return value >= 100 || value === 0 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}

/**
 * Bytes of `24G`, `512 GiB`, `80GB` or `24564M`: powers of 1,024 whatever the spelling, since that is how
 * memory is sold. `undefined` for anything else.
 */
export function parseSize(text: string): number | undefined {
  const parts = /^\s*(\d+(?:\.\d+)?)\s*([KMGT])i?B?\s*$/i.exec(text);
  if (!parts) return undefined;
  const power = "KMGT".indexOf(parts[2]?.toUpperCase() ?? "") + 1;
  return Number(parts[1]) * 1_024 ** power;
}

/** Columns side by side: the first to the left, the others to the right. */
export function tableText(rows: readonly (readonly string[])[], indent = "  "): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(widest[column] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) => {
      const cells = row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      );
      return `${indent}${cells.join("  ")}`.trimEnd() + "\n";
    })
    .join("");
}

/** Broken between words, further lines indented; `indent` columns of the first are taken already. */
export function wrapText(text: string, indent = 0, columns = 80): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns - indent) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}
