/** What an editing key does to the composer, after readline. */
import {
  change,
  moveTo,
  paste,
  redo,
  setText,
  undo,
  type Change,
  type Composer,
} from "./composer-state.ts";
import { nextBoundary, previousBoundary } from "./graphemes.ts";
import {
  beginsPlaceholder,
  looksLikePlaceholder,
  normalizeLineBreaks,
  placeholderLength,
} from "./pastes.ts";
import { spacedWordStartBefore, wordEndAfter, wordStartBefore } from "./words.ts";

/** Lines are logical lines; moves by rows on the screen need a width: see `moveVertically`. */
export type Motion =
  | "left"
  | "right"
  | "word-left"
  | "word-right"
  | "spaced-word-left"
  | "line-start"
  | "line-end"
  | "text-start"
  | "text-end";

export type EditAction =
  | { readonly type: "insert"; readonly text: string }
  | { readonly type: "paste"; readonly text: string }
  | { readonly type: "newline" }
  /** Enter after an odd number of backslashes: the last one becomes a line break. */
  | { readonly type: "continue-line" }
  | { readonly type: "move"; readonly to: Motion }
  | { readonly type: "erase"; readonly to: Motion }
  /** Erases into the kill ring; at a line's end or start takes the line break there. */
  | { readonly type: "kill"; readonly to: Motion }
  | { readonly type: "yank" }
  /** After a yank: the one cut before instead. */
  | { readonly type: "yank-older" }
  | { readonly type: "transpose" }
  | { readonly type: "undo" }
  | { readonly type: "redo" }
  /** Makes the paste at the cursor, or else the last one before it, ordinary text. */
  | { readonly type: "expand-paste" }
  | { readonly type: "set-text"; readonly text: string }
  | { readonly type: "clear" };

const ringSize = 10;
/** A longer insertion was hardly typed; as a paste it is one step and may be folded. */
const longestTyped = 1000;

export function applyEdit(composer: Composer, action: EditAction): Composer {
  switch (action.type) {
    case "insert":
      return insert(composer, action.text);
    case "paste":
      return paste(composer, action.text);
    case "newline":
      return insert(composer, "\n");
    case "continue-line":
      return continueLine(composer);
    case "move":
      return moveTo(composer, target(composer, action.to));
    case "erase":
      return change(composer, { ...span(composer, action.to), inserted: "", previous: "erase" });
    case "kill":
      return kill(composer, action.to);
    case "yank":
      return yank(composer, 0);
    case "yank-older":
      return composer.previous === "yank" ? yank(undo(composer), composer.yanked + 1) : composer;
    case "transpose":
      return transpose(composer);
    case "undo":
      return undo(composer);
    case "redo":
      return redo(composer);
    case "expand-paste":
      return expandPaste(composer);
    case "set-text":
      return setText(composer, action.text);
    case "clear":
      return setText(composer, "");
    default:
      return action satisfies never;
  }
}

/** Whether Enter must continue the line: an odd number of backslashes stands before the cursor. */
export function endsWithContinuation({ text, cursor }: Composer): boolean {
  let backslashes = 0;
  while (text[cursor - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

function insert(composer: Composer, text: string): Composer {
  if (text.length > longestTyped || looksLikePlaceholder(text)) return paste(composer, text);
  return replace(composer, composer.cursor, {
    inserted: normalizeLineBreaks(text),
    previous: "type",
  });
}

function replace(
  composer: Composer,
  from: number,
  { inserted, previous }: Pick<Change, "inserted" | "previous">,
): Composer {
  return change(composer, { from, to: composer.cursor, inserted, previous });
}

function continueLine(composer: Composer): Composer {
  const from = endsWithContinuation(composer) ? composer.cursor - 1 : composer.cursor;
  return replace(composer, from, { inserted: "\n", previous: "other" });
}

function lineStart({ text, cursor }: Composer): number {
  return cursor === 0 ? 0 : text.lastIndexOf("\n", cursor - 1) + 1;
}

function lineEnd({ text, cursor }: Composer): number {
  const end = text.indexOf("\n", cursor);
  return end === -1 ? text.length : end;
}

function target(composer: Composer, motion: Motion): number {
  const { text, cursor } = composer;
  switch (motion) {
    case "left":
      return previousBoundary(text, cursor);
    case "right":
      return nextBoundary(text, cursor);
    case "word-left":
      return wordStartBefore(text, cursor);
    case "word-right":
      return wordEndAfter(text, cursor);
    case "spaced-word-left":
      return spacedWordStartBefore(text, cursor);
    case "line-start":
      return lineStart(composer);
    case "line-end":
      return lineEnd(composer);
    case "text-start":
      return 0;
    case "text-end":
      return text.length;
    default:
      return motion satisfies never;
  }
}

function span(composer: Composer, motion: Motion): { from: number; to: number } {
  const { cursor } = composer;
  const to = target(composer, motion);
  return { from: Math.min(cursor, to), to: Math.max(cursor, to) };
}

function kill(composer: Composer, motion: Motion): Composer {
  const { text, cursor } = composer;
  let { from, to } = span(composer, motion);
  if (from === to && motion === "line-end") to = nextBoundary(text, cursor);
  if (from === to && motion === "line-start") from = previousBoundary(text, cursor);
  const cut = text.slice(from, to);
  if (cut === "") return composer;
  const [newest = "", ...older] = composer.killed;
  const joined = from < cursor ? cut + newest : newest + cut;
  const killed =
    composer.previous === "kill"
      ? [joined, ...older]
      : [cut, ...composer.killed].slice(0, ringSize);
  return { ...change(composer, { from, to, inserted: "", previous: "kill" }), killed };
}

function yank(composer: Composer, position: number): Composer {
  const { killed, cursor } = composer;
  if (killed.length === 0) return moveTo(composer, cursor);
  const yanked = position % killed.length;
  const inserted = killed[yanked] ?? "";
  return { ...replace(composer, cursor, { inserted, previous: "yank" }), yanked };
}

/** Swaps the graphemes around the cursor; at a line's end the two before it. */
function transpose(composer: Composer): Composer {
  const { text, cursor } = composer;
  const middle = cursor === lineEnd(composer) ? previousBoundary(text, cursor) : cursor;
  if (middle <= lineStart(composer)) return moveTo(composer, cursor);
  const from = previousBoundary(text, middle);
  const to = nextBoundary(text, middle);
  const inserted = text.slice(middle, to) + text.slice(from, middle);
  return change(composer, { from, to, inserted, previous: "other" });
}

function expandPaste(composer: Composer): Composer {
  const { text, cursor } = composer;
  let from = cursor;
  while (from >= 0 && !beginsPlaceholder(text.charCodeAt(from))) from--;
  const to = from + placeholderLength;
  const pasted = composer.pastes.get(text.slice(Math.max(0, from), to));
  // What holds code points of the placeholders' own range can't be text here.
  if (pasted === undefined || looksLikePlaceholder(pasted.text)) return composer;
  return change(composer, { from, to, inserted: pasted.text, previous: "other" });
}
