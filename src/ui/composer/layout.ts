/** The composer's text as rows on the screen, and moves from row to row. */
import { cellOf, visitCells, type CellRules } from "./cells.ts";
import type { Composer } from "./composer-state.ts";
import { beginsPlaceholder } from "./pastes.ts";
import { limitOf, rowsOfLine, wrapText, type WrappedLine } from "./wrap-line.ts";

export interface ComposerRow {
  /** What is shown, at most `width` columns, without control characters. */
  readonly text: string;
  /** Where it stands in the composer's text, UTF-16 units; a line break is in no row. */
  readonly from: number;
  readonly to: number;
  /** Where `text` shows labels of pastes, as indices in `text`. */
  readonly labels: readonly { readonly from: number; readonly to: number }[];
}

export interface ComposerLayout {
  readonly rows: readonly ComposerRow[];
  /** Within `rows`; the column is a display column, less than `width`. */
  readonly cursor: { readonly row: number; readonly column: number };
  /** Rows that are not shown. */
  readonly hiddenAbove: number;
  readonly hiddenBelow: number;
}

export interface LayoutOptions {
  /** Columns; less than 3 is taken as 3. */
  readonly width: number;
  readonly maxRows: number;
  /** `hiddenAbove` of the layout before, so that the window moves no more than the cursor asks. */
  readonly hiddenAbove?: number;
}

export function layoutComposer(composer: Composer, options: LayoutOptions): ComposerLayout {
  const rules = rulesFor(composer, options.width);
  const lines = wrapText(composer.text, rules);
  const last = lines.at(-1);
  const total = last === undefined ? 1 : last.firstRow + last.starts.length;
  const cursorLine = lines.findLast((line) => line.from <= composer.cursor);
  const place = placeInLine(composer, cursorLine ?? emptyLine, rules);
  const cursorRow = (cursorLine?.firstRow ?? 0) + place.row;
  const height = Math.min(total, Math.max(1, options.maxRows));
  const top = windowTop({ total, height, cursorRow, before: options.hiddenAbove ?? 0 });
  return {
    rows: shownRows(lines, rules, { top, height }),
    cursor: { row: cursorRow - top, column: place.column },
    hiddenAbove: top,
    hiddenBelow: total - top - height,
  };
}

/**
 * The cursor one row up or down, as near to the preferred column as the row allows; undefined in the
 * first or last row, where history takes over.
 */
export function moveVertically(
  composer: Composer,
  width: number,
  direction: "up" | "down",
): Composer | undefined {
  const rules = rulesFor(composer, width);
  const line = lineAround(composer.text, composer.cursor, rules);
  const { row, column } = placeInLine(composer, line, rules);
  const preferredColumn = composer.preferredColumn ?? column;
  const next = row + (direction === "up" ? -1 : 1);
  const end = line.from + line.text.length;
  let target: WrappedLine | undefined = line;
  let targetRow = next;
  if (next < 0) {
    target = line.from === 0 ? undefined : lineAround(composer.text, line.from - 1, rules);
    targetRow = (target?.starts.length ?? 0) - 1;
  } else if (next >= line.starts.length) {
    target = end === composer.text.length ? undefined : lineAround(composer.text, end + 1, rules);
    targetRow = 0;
  }
  if (target === undefined) return undefined;
  const cursor = indexAtColumn(target, rules, { row: targetRow, column: preferredColumn });
  return { ...composer, cursor, previous: "other", preferredColumn };
}

const emptyLine: WrappedLine = { from: 0, text: "", starts: [0], firstRow: 0 };

function rulesFor(composer: Composer, width: number): CellRules {
  return { limit: limitOf(width), pastes: composer.pastes };
}

function lineAround(text: string, index: number, rules: CellRules): WrappedLine {
  const from = index === 0 ? 0 : text.lastIndexOf("\n", index - 1) + 1;
  const lineBreak = text.indexOf("\n", index);
  const line = text.slice(from, lineBreak === -1 ? text.length : lineBreak);
  return { from, text: line, starts: rowsOfLine(line, rules), firstRow: 0 };
}

/** At a soft break the cursor is at the start of the row behind it. */
function placeInLine(
  { cursor }: Composer,
  line: WrappedLine,
  rules: CellRules,
): { row: number; column: number } {
  const index = cursor - line.from;
  const row = line.starts.findLastIndex((start) => start <= index);
  let column = 0;
  visitCells(line.text.slice(line.starts[row], index), rules, (_from, _to, width) => {
    column += width;
    return undefined;
  });
  return { row, column };
}

function indexAtColumn(
  line: WrappedLine,
  rules: CellRules,
  { row, column }: { readonly row: number; readonly column: number },
): number {
  const start = line.starts[row] ?? 0;
  const end = line.starts[row + 1];
  let index = 0;
  let shown = 0;
  visitCells(line.text.slice(start, end), rules, (_from, to, width) => {
    shown += width;
    // The end of a wrapped row is the start of the next one, so it's no place in this row.
    if (shown <= column && (end === undefined || start + to < end)) index = to;
    return shown > column ? "stop" : undefined;
  });
  return line.from + start + index;
}

interface WindowPlace {
  readonly total: number;
  readonly height: number;
  readonly cursorRow: number;
  readonly before: number;
}

function windowTop({ total, height, cursorRow, before }: WindowPlace): number {
  const least = Math.max(0, cursorRow - height + 1);
  const most = Math.min(cursorRow, total - height);
  return Math.max(least, Math.min(before, most));
}

function shownRows(
  lines: readonly WrappedLine[],
  rules: CellRules,
  { top, height }: { readonly top: number; readonly height: number },
): ComposerRow[] {
  const rows: ComposerRow[] = [];
  let at = lines.findLastIndex((line) => line.firstRow <= top);
  for (let row = top; row < top + height; row++) {
    let line = lines[at] ?? emptyLine;
    if (row >= line.firstRow + line.starts.length) line = lines[++at] ?? emptyLine;
    rows.push(shownRow(line, row - line.firstRow, rules));
  }
  return rows;
}

function shownRow(line: WrappedLine, row: number, rules: CellRules): ComposerRow {
  const start = line.starts[row] ?? 0;
  const slice = line.text.slice(start, line.starts[row + 1]);
  const labels: { from: number; to: number }[] = [];
  let text = "";
  visitCells(slice, rules, (from, to) => {
    const cell = cellOf(slice.slice(from, to), rules);
    if (beginsPlaceholder(slice.charCodeAt(from))) {
      labels.push({ from: text.length, to: text.length + cell.text.length });
    }
    text += cell.text;
    return undefined;
  });
  return { text, from: line.from + start, to: line.from + start + slice.length, labels };
}
