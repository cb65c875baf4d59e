/**
 * Where what a person sees as one character begins and ends.
 *
 * As Unicode's extended grapheme clusters, but a placeholder is always one of its own, also next to
 * a combining mark. All indices are UTF-16 units.
 */
import { beginsPlaceholder, looksLikePlaceholder, placeholderLength } from "./pastes.ts";

interface Range {
  readonly from: number;
  readonly to: number;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

const isPlainAscii = (unit: number): boolean => unit >= 0x20 && unit < 0x7f;

/** Whether an index beyond the text, a line break or plain ASCII is there: no cluster goes on. */
function endsCluster(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return Number.isNaN(unit) || unit === 0x0a || isPlainAscii(unit);
}

/** The stretch around `index` that has neither line breaks nor placeholders. */
function plainStretch(text: string, index: number): Range {
  const lineFrom = index === 0 ? 0 : text.lastIndexOf("\n", index - 1) + 1;
  const lineBreak = text.indexOf("\n", index);
  const lineTo = lineBreak === -1 ? text.length : lineBreak;
  if (!looksLikePlaceholder(text.slice(lineFrom, lineTo))) return { from: lineFrom, to: lineTo };
  let from = index;
  while (from > lineFrom && !beginsPlaceholder(text.charCodeAt(from - placeholderLength))) from--;
  let to = index;
  while (to < lineTo && !beginsPlaceholder(text.charCodeAt(to))) to++;
  return { from, to };
}

/** The grapheme that the unit at `index`, which must be in the text, is part of. */
function graphemeAt(text: string, index: number): Range {
  const unit = text.charCodeAt(index);
  if (unit === 0x0a) return { from: index, to: index + 1 };
  if (isPlainAscii(unit) && endsCluster(text, index - 1) && endsCluster(text, index + 1)) {
    return { from: index, to: index + 1 };
  }
  if (beginsPlaceholder(unit)) return { from: index, to: index + placeholderLength };
  if (index > 0 && beginsPlaceholder(text.charCodeAt(index - 1))) {
    return { from: index - 1, to: index + 1 };
  }
  const stretch = plainStretch(text, index);
  const segments = graphemes.segment(text.slice(stretch.from, stretch.to));
  const found = segments.containing(index - stretch.from);
  if (found === undefined) return { from: index, to: index + 1 };
  const from = stretch.from + found.index;
  return { from, to: from + found.segment.length };
}

/** The end of the grapheme after the boundary `index`; the text's end at the text's end. */
export function nextBoundary(text: string, index: number): number {
  return index >= text.length ? text.length : graphemeAt(text, index).to;
}

/** The start of the grapheme before the boundary `index`; 0 at 0. */
export function previousBoundary(text: string, index: number): number {
  return index <= 0 ? 0 : graphemeAt(text, index - 1).from;
}

/** `index` if it is a boundary, else the next one. */
export function boundaryFrom(text: string, index: number): number {
  if (index <= 0) return 0;
  if (index >= text.length) return text.length;
  const grapheme = graphemeAt(text, index);
  return grapheme.from === index ? index : grapheme.to;
}

/** `index` if it is a boundary, else the one before. */
export function boundaryUpTo(text: string, index: number): number {
  if (index <= 0) return 0;
  return index >= text.length ? text.length : graphemeAt(text, index).from;
}

/** The graphemes of a text that has neither line breaks nor placeholders, in order. */
export function segmentGraphemes(text: string): Iterable<Intl.SegmentData> {
  return graphemes.segment(text);
}
