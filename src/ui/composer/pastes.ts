/**
 * Large pastes stand in the composer's text as one private-use code point each, a placeholder.
 *
 * The range is the upper half of plane 16, which no font in use claims. Text from outside that
 * holds a code point of the range never gets into the composer's text: it becomes a placeholder.
 */

/** What a placeholder stands for. */
export interface Paste {
  readonly text: string;
  /** Code points. */
  readonly characters: number;
  /** Lines that have something in them or are ended: "a", "a\n" are one, "a\nb" two. */
  readonly lines: number;
}

const firstPlaceholder = 0x10_80_00;
const lastPlaceholder = 0x10_ff_fd;
const placeholderPattern = /[\u{108000}-\u{10FFFF}]/gu;
/** Leading surrogates of the range, so that half a code point is found too. */
const foreignPattern = /[\uDBE0-\uDBFF]/;

const largestInline = { characters: 1000, lines: 10 };

/** Units of a placeholder in a string. */
export const placeholderLength = 2;

/** Whether a UTF-16 unit begins a placeholder. In a composer's text nothing else has such a unit. */
export function beginsPlaceholder(unit: number): boolean {
  return unit >= 0xdb_e0 && unit <= 0xdb_ff;
}

/** Whether a text from outside holds what would pass for a placeholder. */
export function looksLikePlaceholder(text: string): boolean {
  return foreignPattern.test(text);
}

export function normalizeLineBreaks(text: string): string {
  return text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text;
}

/** Line breaks must be normalized. Takes about 2 ms for a megabyte. */
export function describePaste(text: string): Paste {
  let trailingSurrogates = 0;
  for (let index = 1; index < text.length; index++) {
    if ((text.charCodeAt(index) & 0xfc_00) === 0xdc_00) {
      if ((text.charCodeAt(index - 1) & 0xfc_00) === 0xd8_00) trailingSurrogates++;
    }
  }
  let breaks = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) breaks++;
  const lines = text.endsWith("\n") ? breaks : breaks + 1;
  return { text, characters: text.length - trailingSurrogates, lines };
}

/** Whether a paste is too large, or too much like a placeholder, to be put into the text as it is. */
export function needsPlaceholder(paste: Paste): boolean {
  return (
    paste.characters > largestInline.characters ||
    paste.lines > largestInline.lines ||
    looksLikePlaceholder(paste.text)
  );
}

function counted(count: number, one: string): string {
  // Not toLocaleString: its first call takes 5 ms.
  const digits = String(count).replaceAll(/(?<=\d)(?=(?:\d{3})+$)/g, ",");
  return `${digits} ${one}${count === 1 ? "" : "s"}`;
}

/** What a person sees of a placeholder, ASCII only: `[pasted 12,345 characters, 300 lines]`. */
export function pasteLabel(paste: Paste): string {
  return `[pasted ${counted(paste.characters, "character")}, ${counted(paste.lines, "line")}]`;
}

/** A code point that stands for none of `pastes` yet; undefined when all 32,766 are taken. */
export function freePlaceholder(pastes: ReadonlyMap<string, Paste>): string | undefined {
  // Pastes are only ever added in order, so the count is nearly always the answer.
  for (let id = firstPlaceholder + pastes.size; id <= lastPlaceholder; id++) {
    const placeholder = String.fromCodePoint(id);
    if (!pastes.has(placeholder)) return placeholder;
  }
  return undefined;
}

/** `text` with every placeholder replaced by what it stands for. */
export function expandPlaceholders(text: string, pastes: ReadonlyMap<string, Paste>): string {
  if (pastes.size === 0) return text;
  return text.replaceAll(placeholderPattern, (found) => pastes.get(found)?.text ?? found);
}

/** The pastes that `texts` still refer to. */
export function referredPastes(
  texts: readonly string[],
  pastes: ReadonlyMap<string, Paste>,
): ReadonlyMap<string, Paste> {
  if (pastes.size === 0) return pastes;
  const found = new Set(texts.flatMap((text) => text.match(placeholderPattern) ?? []));
  return new Map([...pastes].filter(([placeholder]) => found.has(placeholder)));
}
