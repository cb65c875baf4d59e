import { findPassage, onlyPassage } from "./find-passage.ts";
import type { Passage, Replacement } from "./passage.ts";

interface Replaced {
  readonly text: string;
  /** For the model: what was not as it said. */
  readonly note?: string;
}

/**
 * Replaces the one passage that is `old`, in a file named `name`. Line breaks in `old` and `new` are the
 * file's, whichever those are there; every character that `old` and `new` share at their ends stays as it is.
 * @throws Error for no passage or several, naming lines.
 */
export function replaceText(text: string, wanted: Replacement, name: string): Replaced {
  // Whoever writes \r means it, if it is there.
  const exact = wanted.old.includes("\r") ? onlyPassage(text, wanted, name) : undefined;
  if (exact)
    return { text: text.slice(0, exact.start) + exact.replacement + text.slice(exact.end) };
  const plain = withoutReturns(text);
  const passage = findPassage(
    plain,
    { old: withoutReturns(wanted.old), new: withoutReturns(wanted.new) },
    name,
  );
  const { note } = passage;
  return { text: splice(text, plain, passage), ...(note === undefined ? {} : { note }) };
}

function withoutReturns(text: string): string {
  return text.replaceAll("\r\n", "\n");
}

/** Puts a passage of `plain`, which is `text` without returns, in its place in `text`. */
function splice(text: string, plain: string, { start, end, replacement }: Passage): string {
  const found = plain.slice(start, end);
  const head = sharedStart(found, replacement);
  const tail = sharedEnd(found.slice(head), replacement.slice(head));
  const from = offsetWithReturns(text, start + head);
  const to = offsetWithReturns(text, end - tail);
  const lineEnding = lineEndingAt(text, offsetWithReturns(text, start));
  const inserted = replacement
    .slice(head, replacement.length - tail)
    .split("\n")
    .join(lineEnding);
  return text.slice(0, from) + inserted + text.slice(to);
}

function sharedStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

function sharedEnd(one: string, other: string): number {
  let length = 0;
  while (
    length < one.length &&
    length < other.length &&
    one.at(-length - 1) === other.at(-length - 1)
  )
    length++;
  return length;
}

function offsetWithReturns(text: string, plainOffset: number): number {
  let offset = 0;
  for (let rest = plainOffset; ;) {
    const lineEnd = text.indexOf("\r\n", offset);
    if (lineEnd === -1 || lineEnd - offset >= rest) return offset + rest;
    rest -= lineEnd - offset + 1;
    offset = lineEnd + 2;
  }
}

/** Of the line at an offset, or the one before if it is the last. */
function lineEndingAt(text: string, offset: number): string {
  const after = text.indexOf("\n", offset);
  const lineEnd = after === -1 ? text.lastIndexOf("\n") : after;
  return lineEnd > 0 && text[lineEnd - 1] === "\r" ? "\r\n" : "\n";
}
