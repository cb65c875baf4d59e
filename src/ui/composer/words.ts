/** Where words begin and end: as a dictionary sees them, so Chinese, Japanese and Thai work too. */
import { boundaryFrom, boundaryUpTo } from "./graphemes.ts";
import { beginsPlaceholder, placeholderLength } from "./pastes.ts";

const words = new Intl.Segmenter(undefined, { granularity: "word" });
const firstWindow = 256;
/** Units before the cursor that the dictionary sees too, so that it does not start inside a word. */
const context = 64;

interface Word {
  readonly from: number;
  readonly to: number;
}

/** The words of `text` from `from` to `to`; a placeholder is one. */
function* wordsIn(text: string, from: number, to: number): Generator<Word> {
  for (const { segment, index, isWordLike } of words.segment(text.slice(from, to))) {
    const at = from + index;
    if (beginsPlaceholder(segment.charCodeAt(0))) yield { from: at, to: at + placeholderLength };
    else if (isWordLike === true) yield { from: at, to: at + segment.length };
  }
}

/** The end of the word that ends first after `index`; the text's end when there is none. */
export function wordEndAfter(text: string, index: number): number {
  const from = Math.max(0, index - context);
  for (let size = firstWindow; ; size *= 2) {
    const to = Math.min(text.length, index + size);
    for (const word of wordsIn(text, from, to)) {
      // What touches the window's edge may go on behind it.
      if (word.to > index && (word.to < to || to === text.length)) {
        return boundaryFrom(text, word.to);
      }
    }
    if (to === text.length) return to;
  }
}

/** The start of the word that begins last before `index`; 0 when there is none. */
export function wordStartBefore(text: string, index: number): number {
  const to = Math.min(text.length, index + context);
  for (let size = firstWindow; ; size *= 2) {
    const from = Math.max(0, index - size);
    let start: number | undefined;
    for (const word of wordsIn(text, from, to)) {
      if (word.from >= index) break;
      if (word.from > from || from === 0) start = word.from;
    }
    if (start !== undefined) return boundaryUpTo(text, start);
    if (from === 0) return 0;
  }
}

/** The start of what stands between white space and `index`, with white space before `index` in it. */
export function spacedWordStartBefore(text: string, index: number): number {
  const isSpace = (at: number): boolean => /\s/.test(text.charAt(at));
  let start = index;
  while (start > 0 && isSpace(start - 1)) start--;
  while (start > 0 && !isSpace(start - 1)) start--;
  return boundaryUpTo(text, start);
}
