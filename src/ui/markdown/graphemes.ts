import stringWidth from "string-width";

/** What a reader sees as one character, and how many columns a terminal gives it. */
export interface Grapheme {
  readonly text: string;
  readonly width: number;
  /** Where it begins, in UTF-16 units. */
  readonly offset: number;
}

const segmenter = new Intl.Segmenter();

/** Ranges of characters that are a grapheme of their own between two such, with their width. */
const simpleRanges: readonly (readonly [first: number, last: number, width: number])[] = [
  [0x20, 0x7e, 1],
  [0xc0, 0x24f, 1],
  [0x400, 0x482, 1],
  [0x48a, 0x52f, 1],
  [0x2010, 0x2027, 1],
  [0x2500, 0x257f, 1],
  [0x3001, 0x3029, 2],
  [0x3041, 0x3096, 2],
  [0x30a0, 0x30ff, 2],
  [0x3400, 0x4dbf, 2],
  [0x4e00, 0x9fff, 2],
  [0xac00, 0xd7a3, 2],
  [0xff01, 0xff60, 2],
];

const simpleWidths = new Uint8Array(0x10000);
for (const [first, last, width] of simpleRanges) simpleWidths.fill(width, first, last + 1);

const isSimple = (text: string, index: number): boolean =>
  simpleWidths[text.charCodeAt(index)] !== 0;

/**
 * The graphemes of a text, whose widths together are what `string-width` measures. Segmenting is
 * slow, so only what may combine is segmented: there is always a boundary between two simple ones.
 */
export function graphemes(text: string): Grapheme[] {
  const result: Grapheme[] = [];
  let index = 0;
  while (index < text.length) {
    let end = index + 1;
    while (end < text.length && !(isSimple(text, end - 1) && isSimple(text, end))) end++;
    if (end === index + 1 && isSimple(text, index)) {
      const width = simpleWidths[text.charCodeAt(index)] ?? 0;
      result.push({ text: text[index] ?? "", width, offset: index });
    } else segmentInto(result, text.slice(index, end), index);
    index = end;
  }
  return result;
}

function segmentInto(result: Grapheme[], text: string, offset: number): void {
  for (const { segment, index } of segmenter.segment(text)) {
    const width = widthOf(segment);
    if (width <= 2) result.push({ text: segment, width, offset: offset + index });
    else {
      // A cluster of many spacing marks may be wider than a line; its parts are not.
      let at = offset + index;
      for (const character of segment) {
        result.push({ text: character, width: widthOf(character), offset: at });
        at += character.length;
      }
    }
  }
}

const knownWidths = new Map<string, number>();

function widthOf(grapheme: string): number {
  if (grapheme === "\n") return 0;
  const known = knownWidths.get(grapheme);
  if (known !== undefined) return known;
  const width = stringWidth(grapheme);
  if (knownWidths.size >= 4096) knownWidths.clear();
  if (grapheme.length <= 32) knownWidths.set(grapheme, width);
  return width;
}

/** Columns of a text without escape sequences. */
export function columns(text: string): number {
  let sum = 0;
  for (const { width } of graphemes(text)) sum += width;
  return sum;
}
