/**
 * What each character of a line looks like on the screen, and how many columns it takes.
 *
 * Nothing in a text controls the terminal: control characters are shown as symbols, and so is what
 * would be invisible or turn the direction of writing.
 */
import stringWidth from "string-width";
import { segmentGraphemes } from "./graphemes.ts";
import { beginsPlaceholder, pasteLabel, placeholderLength, type Paste } from "./pastes.ts";

/** What the shown form of a cell depends on beside its text. */
export interface CellRules {
  /** Columns that a cell may take, at least 2. */
  readonly limit: number;
  readonly pastes: ReadonlyMap<string, Paste>;
}

export interface Cell {
  readonly text: string;
  readonly width: number;
}

const tabWidth = 4;
const replacement: Cell = { text: "\uFFFD", width: 1 };
const lineSeparator: Cell = { text: "\u2424", width: 1 };

/**
 * Widths of UTF-16 units that are a grapheme of their own whatever other such unit is beside them;
 * 0 for all others. Ambiguous widths are narrow, as everywhere in this program.
 */
const simpleWidths = new Uint8Array(0x1_00_00);
const narrow = [
  [0x20, 0x7e],
  [0xa1, 0xac],
  [0xae, 0x2ff],
  [0x370, 0x482],
  [0x48a, 0x52f],
  [0x2010, 0x2027],
  [0x2030, 0x205e],
  [0x2500, 0x259f],
] as const;
const wide = [
  [0x3000, 0x3029],
  [0x3041, 0x3096],
  [0x309b, 0x30ff],
  [0x3105, 0x312f],
  [0x3131, 0x318e],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xff01, 0xff60],
] as const;
for (const [from, to] of narrow) simpleWidths.fill(1, from, to + 1);
for (const [from, to] of wide) simpleWidths.fill(2, from, to + 1);
// Hangul fillers are invisible.
simpleWidths[0x3164] = 0;

/** The columns of a unit that needs no closer look, 0 for all others; NaN gives 0 too. */
export function simpleWidth(unit: number): number {
  return simpleWidths[unit] ?? 0;
}

/** What was measured before. A longer slice would keep the text it is from in memory. */
const knownCells = new Map<string, Cell>();
const knownStretches = new Map<string, readonly StretchCell[]>();
const mostKnown = 10_000;
const longestKnown = 12;

function remember<Value>(known: Map<string, Value>, key: string, value: Value): void {
  if (key.length > longestKnown) return;
  if (known.size >= mostKnown) known.clear();
  known.set(key, value);
}

/** What is shown for one grapheme of a text. */
export function cellOf(grapheme: string, { limit, pastes }: CellRules): Cell {
  if (beginsPlaceholder(grapheme.charCodeAt(0))) return placeholderCell(pastes, grapheme, limit);
  if (grapheme === "\t") {
    const width = Math.min(tabWidth, limit);
    return { text: " ".repeat(width), width };
  }
  const known = knownCells.get(grapheme);
  const cell = known ?? measureCell(grapheme);
  if (known === undefined) remember(knownCells, grapheme, cell);
  return cell.width <= limit ? cell : replacement;
}

function placeholderCell(
  pastes: ReadonlyMap<string, Paste>,
  placeholder: string,
  limit: number,
): Cell {
  const paste = pastes.get(placeholder);
  if (paste === undefined) return replacement;
  const label = pasteLabel(paste);
  const text = label.length <= limit ? label : `${label.slice(0, limit - 1)}…`;
  return { text, width: text.length };
}

function measureCell(grapheme: string): Cell {
  const unit = grapheme.charCodeAt(0);
  if (unit < 0x20) return { text: String.fromCharCode(0x24_00 + unit), width: 1 };
  if (unit === 0x7f) return { text: "\u2421", width: 1 };
  if (unit < 0xa0 && unit > 0x7f) return replacement;
  if (grapheme === "\u2028" || grapheme === "\u2029") return lineSeparator;
  const width = stringWidth(grapheme);
  if (width > 0) return { text: grapheme, width };
  // A mark without a letter gets the circle that stands for one.
  return /^\p{M}/u.test(grapheme) ? { text: `\u25CC${grapheme}`, width: 1 } : replacement;
}

/** Called for each cell, with its place in the line in UTF-16 units; `"stop"` ends the visit. */
export type VisitCell = (from: number, to: number, width: number) => "stop" | undefined;

/** Visits the cells of a line, which has no line break. About 10 ns for each simple character. */
export function visitCells(line: string, rules: CellRules, visit: VisitCell): void {
  let index = 0;
  while (index < line.length) {
    const width = simpleWidth(line.charCodeAt(index));
    if (width > 0 && endsStretch(line, index + 1)) {
      if (visit(index, index + 1, width) === "stop") return;
      index++;
    } else {
      index = visitOthers(line, { index, rules, visit });
    }
  }
}

/** Whether a new grapheme is sure to begin at `index` after a simple unit. */
function endsStretch(line: string, index: number): boolean {
  const unit = line.charCodeAt(index);
  return index >= line.length || simpleWidth(unit) > 0 || unit < 0x20 || beginsPlaceholder(unit);
}

interface Stretch {
  readonly index: number;
  readonly rules: CellRules;
  readonly visit: VisitCell;
}

/** Visits what must be segmented, from `index` to where simple characters begin again. */
function visitOthers(line: string, { index, rules, visit }: Stretch): number {
  if (beginsPlaceholder(line.charCodeAt(index))) {
    const end = index + placeholderLength;
    const stops = visit(index, end, cellOf(line.slice(index, end), rules).width) === "stop";
    return stops ? line.length : end;
  }
  let end = index + 1;
  while (end < line.length && !beginsPlaceholder(line.charCodeAt(end))) {
    if (simpleWidth(line.charCodeAt(end - 1)) > 0 && endsStretch(line, end)) break;
    end++;
  }
  for (const { from, to, grapheme } of segmentStretch(line.slice(index, end))) {
    const { width } = cellOf(grapheme, rules);
    if (visit(index + from, index + to, width) === "stop") return line.length;
  }
  return end;
}

interface StretchCell {
  readonly from: number;
  readonly to: number;
  readonly grapheme: string;
}

/** A short stretch, such as an emoji between words, takes a tenth when it was seen before. */
function segmentStretch(stretch: string): Iterable<StretchCell> {
  const known = knownStretches.get(stretch);
  if (known !== undefined) return known;
  if (stretch.length > longestKnown) return stretchCells(stretch);
  const cells = [...stretchCells(stretch)];
  remember(knownStretches, stretch, cells);
  return cells;
}

function* stretchCells(stretch: string): Generator<StretchCell> {
  for (const { segment, index } of segmentGraphemes(stretch)) {
    yield { from: index, to: index + segment.length, grapheme: segment };
  }
}
