/** Soft wrapping of logical lines. */
import { visitCells, type CellRules } from "./cells.ts";
import { looksLikePlaceholder } from "./pastes.ts";
import { RowFiller } from "./row-filler.ts";

/** The narrowest width anything is laid out for; less is taken as this. */
const smallestWidth = 3;

/** One column is kept free, so that the cursor has a place behind a full row. */
export function limitOf(width: number): number {
  return Math.max(smallestWidth, width) - 1;
}

/** A line as it was wrapped. */
interface Wrapped {
  readonly limit: number;
  readonly line: string;
  readonly starts: readonly number[];
}

/**
 * Where the rows of a line begin, in UTF-16 units; the first is 0. After a space in a row's last
 * column the line's end is a row of its own, for the cursor. `before` is the line before an edit:
 * rows that the edit can't have changed are taken from it.
 */
export function wrapLine(line: string, rules: CellRules, before?: Wrapped): readonly number[] {
  const edit = before?.limit === rules.limit ? compare(before, line) : unknownBefore;
  const filler = new RowFiller(line, rules.limit, edit.startsKept);
  const offset = filler.start;
  let rest: readonly number[] | undefined;
  visitCells(line.slice(offset), rules, (from, to, width) => {
    const rows = filler.starts.length;
    filler.add(offset + from, offset + to, width);
    // A row that begins at the same place in an equal rest of the line goes on as it did.
    if (filler.starts.length > rows) rest = edit.startsAfter(filler.start);
    return rest === undefined ? undefined : "stop";
  });
  if (rest !== undefined) filler.starts.push(...rest);
  else if (filler.column > rules.limit) filler.starts.push(line.length);
  return filler.starts;
}

interface Edit {
  readonly startsKept: readonly number[];
  /** The row starts behind `start`, if they are as they were; asked for in order. */
  startsAfter(start: number): readonly number[] | undefined;
}

const unknownBefore: Edit = { startsKept: [0], startsAfter: () => undefined };

function compare({ line: old, starts }: Wrapped, line: string): Edit {
  const shorter = Math.min(old.length, line.length);
  let prefix = 0;
  while (prefix < shorter && old.charCodeAt(prefix) === line.charCodeAt(prefix)) prefix++;
  let suffix = 0;
  while (
    suffix < shorter - prefix &&
    old.charCodeAt(old.length - 1 - suffix) === line.charCodeAt(line.length - 1 - suffix)
  ) {
    suffix++;
  }
  // Where a row begins depends on the row behind it, up to the word that did not fit, and on what
  // may join that word's last character.
  const reached = starts.findLastIndex((start) => start <= prefix);
  const moved = line.length - old.length;
  let at = 0;
  return {
    startsKept: starts.slice(0, Math.max(1, reached - 1)),
    startsAfter: (start) => {
      if (start < line.length - suffix) return undefined;
      while ((starts[at] ?? Infinity) < start - moved) at++;
      return starts[at] === start - moved
        ? starts.slice(at + 1).map((after) => after + moved)
        : undefined;
    },
  };
}

/** One logical line of a text, with where its rows begin. */
export interface WrappedLine {
  /** Where it stands in the text, UTF-16 units. */
  readonly from: number;
  readonly text: string;
  readonly starts: readonly number[];
  /** The number of its first row, counted over the text. */
  readonly firstRow: number;
}

/** The lines of the last text only: a slice of a text keeps the whole text in memory. */
let known = { limit: 0, rows: new Map<string, readonly number[]>() };
/** The last long line that was wrapped. Shorter ones are wrapped anew in no time. */
let lastLong: Wrapped | undefined;
const longLine = 4000;
const oneRow: readonly number[] = [0];

/** As `wrapLine`, but a line of the last text that was wrapped whole is remembered. */
export function rowsOfLine(line: string, rules: CellRules): readonly number[] {
  if (line === "") return oneRow;
  // What a placeholder shows is not in the line, so the line does not tell its rows.
  if (rules.pastes.size > 0 && looksLikePlaceholder(line)) return wrapLine(line, rules);
  const remembered = known.limit === rules.limit ? known.rows.get(line) : undefined;
  if (remembered !== undefined) return remembered;
  if (line.length < longLine) return wrapLine(line, rules);
  const starts = wrapLine(line, rules, lastLong);
  lastLong = { limit: rules.limit, line, starts };
  return starts;
}

/** All lines of a text. After an edit only the lines that changed are wrapped again. */
export function wrapText(text: string, rules: CellRules): readonly WrappedLine[] {
  const lines: WrappedLine[] = [];
  const rows = new Map<string, readonly number[]>();
  let firstRow = 0;
  let from = 0;
  while (from <= text.length) {
    const lineBreak = text.indexOf("\n", from);
    const to = lineBreak === -1 ? text.length : lineBreak;
    const line = text.slice(from, to);
    const starts = rows.get(line) ?? rowsOfLine(line, rules);
    if (!(rules.pastes.size > 0 && looksLikePlaceholder(line))) rows.set(line, starts);
    lines.push({ from, text: line, starts, firstRow });
    firstRow += starts.length;
    from = to + 1;
  }
  known = { limit: rules.limit, rows };
  return lines;
}
