import type { Style } from "../theme.ts";
import { readAnsi } from "./ansi.ts";
import { graphemes } from "./graphemes.ts";
import type { Grapheme } from "./graphemes.ts";

/** A piece of text of one style. Its text holds no escape sequence. */
export interface Span {
  readonly text: string;
  readonly style?: Style | undefined;
}

/** The least width that a wide character fits in; less than this is taken for it. */
const leastWidth = 2;

const notAtStart = new Set(
  "。，、！？：；．）】」』》〉〕〗〙”’…‥—～·ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ｡､｣゛゜)]},.!?:;%\"'",
);
const notAtEnd = new Set("（【「『《〈〔〖〘“‘｢([{");

/**
 * Lines of at most `width` columns. Text, plain or with SGR and OSC 8 sequences, is broken at
 * spaces, which are dropped there, and between wide characters, but not before closing or after
 * opening punctuation; a longer word is broken anywhere. Each line closes its own styles.
 */
export function wrapText(text: string, width: number): string[] {
  return wrapSpans(readAnsi(text), width);
}

/** As `wrapText`, for spans, in whose text a line break is one. */
export function wrapSpans(spans: readonly Span[], width: number): string[] {
  return linesOf(spans).flatMap((line) => cutLine(line, wordCuts(line, width), true));
}

/** Lines of at most `width` columns, broken wherever they are full: nothing is dropped. */
export function breakSpans(spans: readonly Span[], width: number): string[] {
  return linesOf(spans).flatMap((line) => cutLine(line, fullCuts(line, width), false));
}

/** A grapheme, and the style that it is shown in. */
interface Cell extends Grapheme {
  readonly style: Style | undefined;
}

function linesOf(spans: readonly Span[]): Cell[][] {
  // Segmented as a whole: what combines may stand on both sides of a span's end.
  const cells = graphemes(spans.map(({ text }) => text).join(""));
  const lines: Cell[][] = [[]];
  let at = 0;
  let end = spans[0]?.text.length ?? 0;
  for (const cell of cells) {
    while (cell.offset >= end && at < spans.length - 1) end += spans[++at]?.text.length ?? 0;
    if (cell.text === "\n") lines.push([]);
    else lines.at(-1)?.push({ ...cell, style: spans[at]?.style });
  }
  return lines;
}

/** Where lines end, greedily, for a text of words. */
function wordCuts(cells: readonly Cell[], askedWidth: number): number[] {
  const limit = Math.max(leastWidth, askedWidth);
  const cuts: number[] = [];
  let start = 0;
  let width = 0;
  let breakAt = 0;
  for (const [index, cell] of cells.entries()) {
    if (cell.text !== " ") {
      if (index > start && mayBreak(cells[index - 1], cell)) breakAt = index;
      while (width + cell.width > limit && index > start) {
        const cut = breakAt > start ? breakAt : index;
        cuts.push(cut);
        start = cut;
        width = 0;
        for (let at = start; at < index; at++) width += cells[at]?.width ?? 0;
      }
    }
    width += cell.width;
  }
  return cuts;
}

function mayBreak(before: Cell | undefined, after: Cell): boolean {
  if (before === undefined) return false;
  if (before.text === " ") return true;
  if (before.width < 2 && after.width < 2) return false;
  return after.width > 0 && !notAtStart.has(after.text) && !notAtEnd.has(before.text);
}

function fullCuts(cells: readonly Cell[], askedWidth: number): number[] {
  const limit = Math.max(leastWidth, askedWidth);
  const cuts: number[] = [];
  let width = 0;
  for (const [index, cell] of cells.entries()) {
    if (width + cell.width > limit && index > 0) {
      cuts.push(index);
      width = 0;
    }
    width += cell.width;
  }
  return cuts;
}

function cutLine(cells: readonly Cell[], cuts: readonly number[], isTrimmed: boolean): string[] {
  const lines = [...cuts, cells.length].map((cut, index) => {
    const start = index === 0 ? 0 : (cuts[index - 1] ?? 0);
    let end = cut;
    while (isTrimmed && end > start && cells[end - 1]?.text === " ") end--;
    return styled(cells, start, end);
  });
  // An indent wider than the screen leaves a line of spaces above the first word.
  return isTrimmed && lines.length > 1 && lines[0] === "" ? lines.slice(1) : lines;
}

function styled(cells: readonly Cell[], start: number, end: number): string {
  let line = "";
  let text = "";
  let style: Style | undefined;
  for (let index = start; index <= end; index++) {
    const cell = index < end ? cells[index] : undefined;
    if (text !== "" && (cell === undefined || cell.style !== style)) {
      line += style === undefined ? text : style(text);
      text = "";
    }
    style = cell?.style;
    text += cell?.text ?? "";
  }
  return line;
}
