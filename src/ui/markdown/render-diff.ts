import type { Style, Theme } from "../theme.ts";
import { cleanText, expandTabs } from "./clean-text.ts";
import { breakSpans } from "./wrap.ts";

/** A unified diff of one file, as a tool shows it. */
export interface DiffDisplay {
  readonly path: string;
  /** Hunks without the lines that name the files. */
  readonly diff: string;
  readonly added: number;
  readonly removed: number;
}

export interface DiffOptions {
  readonly width: number;
  readonly theme: Theme;
  /** Lines shown at most; of more the last tells how many lines of the diff are left out. */
  readonly maxLines: number;
}

interface DiffLine {
  readonly number: string;
  readonly sign: string;
  readonly text: string;
}

/**
 * The changed lines with their numbers, of removed ones in the old file, else in the new. The
 * path and the counts are for the caller to show.
 */
export function renderDiff(display: DiffDisplay, options: DiffOptions): string[] {
  const { theme, maxLines } = options;
  const diffLines = readDiff(display.diff);
  const gutter = diffLines.reduce((widest, { number }) => Math.max(widest, number.length), 1);
  const rows: string[] = [];
  const room = Math.max(0, maxLines - 1);
  let whole = 0; // lines of the diff that fit above the fold
  for (const [index, line] of diffLines.entries()) {
    rows.push(...renderLine(line, gutter, options));
    if (rows.length <= room) whole = index + 1;
    if (rows.length > maxLines) {
      const folded = diffLines.length - whole;
      const note = `… ${folded} more ${folded === 1 ? "line" : "lines"}`;
      return [...rows.slice(0, room), theme.dim(note.slice(0, Math.max(2, options.width)))];
    }
  }
  return rows;
}

/** The lines of the hunks, numbered; `⋮` is between hunks. */
function readDiff(diff: string): DiffLine[] {
  const lines: DiffLine[] = [];
  let [before, after] = [1, 1];
  for (const line of cleanText(diff).replace(/\n$/, "").split("\n")) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    const sign = line[0] ?? " ";
    const text = expandTabs(line.slice(1));
    if (hunk !== null) {
      if (lines.length > 0) lines.push({ number: "⋮", sign: "", text: "" });
      [before, after] = [Number(hunk[1]), Number(hunk[2])];
    } else if (sign === "\\") lines.push({ number: "", sign: "", text: text.trim() });
    else if (sign === "-") lines.push({ number: String(before++), sign, text });
    else {
      lines.push({ number: String(after++), sign: sign === "+" ? sign : " ", text });
      if (sign !== "+") before++;
    }
  }
  return lines;
}

function renderLine(line: DiffLine, gutter: number, { width, theme }: DiffOptions): string[] {
  const style = styleOf(line.sign, theme);
  const number = `${line.number.padStart(gutter)} `;
  // A screen too narrow for numbers shows the signs only, or not even them.
  const isNarrow = width < number.length + 10;
  const signWidth = width < 4 ? 0 : 2;
  const room = width - signWidth - (isNarrow ? 0 : number.length);
  return breakSpans([{ text: line.text }], room).map((text, row) => {
    const sign = row === 0 ? line.sign : "";
    const shown = `${sign.padEnd(2).slice(0, signWidth)}${text}`.trimEnd();
    const styled = style === undefined || shown === "" ? shown : style(shown);
    if (isNarrow) return styled;
    return `${theme.dim(row === 0 ? number : " ".repeat(number.length))}${styled}`.trimEnd();
  });
}

function styleOf(sign: string, theme: Theme): Style | undefined {
  if (sign === "+") return theme.added;
  if (sign === "-") return theme.removed;
  return sign === "" ? theme.dim : undefined;
}
