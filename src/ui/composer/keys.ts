/**
 * From what Ink's `useInput` hands over to actions.
 *
 * Ink gives one event per key, but characters that arrive in one read of the terminal come as one
 * event without flags, control characters and Enter among them. Nothing of such a chunk is lost.
 */
import type { Composer } from "./composer-state.ts";
import { endsWithContinuation, type EditAction } from "./edit-actions.ts";
import { controlKeys, metaKeys } from "./key-table.ts";

/** What is to be done outside the text. Keys with Ctrl or Alt are all in key-table.ts. */
export type ChatKey =
  /** Enter. */
  | "submit"
  /** Ctrl-S: sends while the model is answering; in a history search, a newer match. */
  | "steer"
  /** Esc. */
  | "interrupt"
  /** Ctrl-C. */
  | "cancel"
  /** Ctrl-D; in a text that is not empty it erases: see `resolveKey`. */
  | "end-of-input"
  /** Ctrl-G; in a history search, gives up. */
  | "editor"
  /** Ctrl-Z. */
  | "suspend"
  /** Ctrl-R; in a history search, an older match. */
  | "search-history"
  /** Tab. */
  | "complete"
  /** Shift-Tab. */
  | "back-tab"
  /** Ctrl-O. */
  | "fold"
  /** Ctrl-L. */
  | "redraw"
  /** Up or Ctrl-P, Down or Ctrl-N: a row, or else history. */
  | "up"
  | "down"
  | "page-up"
  | "page-down";

export type KeyAction = EditAction | { readonly type: ChatKey };

/** Ink's `Key`, as far as it matters here. */
export interface KeyFlags {
  readonly upArrow?: boolean;
  readonly downArrow?: boolean;
  readonly leftArrow?: boolean;
  readonly rightArrow?: boolean;
  readonly pageUp?: boolean;
  readonly pageDown?: boolean;
  readonly home?: boolean;
  readonly end?: boolean;
  readonly return?: boolean;
  readonly escape?: boolean;
  readonly tab?: boolean;
  readonly backspace?: boolean;
  readonly delete?: boolean;
  readonly ctrl?: boolean;
  readonly shift?: boolean;
  readonly meta?: boolean;
  readonly super?: boolean;
  readonly hyper?: boolean;
  readonly eventType?: "press" | "repeat" | "release";
}

/** The actions of one `useInput` call, in order; none for keys that mean nothing here. */
export function readKey(input: string, key: KeyFlags): readonly KeyAction[] {
  if (key.eventType === "release" || key.super === true || key.hyper === true) return [];
  const named = namedKey(key);
  // Two escapes in one read come as one with meta.
  if (named !== undefined)
    return key.escape === true && key.meta === true ? [named, named] : [named];
  const single = input.toLowerCase();
  if (key.ctrl === true) {
    if (key.shift === true && single === "z") return [{ type: "redo" }];
    return optional(controlKeys.get(single));
  }
  if (key.meta === true) {
    const action = metaKeys.get(single);
    if (action !== undefined) return [action];
    // No keyboard has Alt with such a character: it was Esc, then what an input method wrote.
    return /^[\x20-\x7e]*$/.test(input) ? [] : readChunk(input);
  }
  return readChunk(input);
}

/** What a key means for this text: Ctrl-D in a text erases, Enter after a backslash goes on. */
export function resolveKey(composer: Composer, action: KeyAction): KeyAction {
  if (action.type === "end-of-input" && composer.text !== "") return { type: "erase", to: "right" };
  if (action.type === "submit" && endsWithContinuation(composer)) return { type: "continue-line" };
  return action;
}

const optional = (action: KeyAction | undefined): KeyAction[] =>
  action === undefined ? [] : [action];

function namedKey(key: KeyFlags): KeyAction | undefined {
  const isModified = key.ctrl === true || key.meta === true;
  if (key.return === true) return { type: isModified || key.shift === true ? "newline" : "submit" };
  if (key.escape === true) return { type: "interrupt" };
  if (key.tab === true) return { type: key.shift === true ? "back-tab" : "complete" };
  if (key.backspace === true) {
    return isModified ? { type: "kill", to: "word-left" } : { type: "erase", to: "left" };
  }
  if (key.delete === true) {
    return isModified ? { type: "kill", to: "word-right" } : { type: "erase", to: "right" };
  }
  if (key.leftArrow === true) return { type: "move", to: isModified ? "word-left" : "left" };
  if (key.rightArrow === true) return { type: "move", to: isModified ? "word-right" : "right" };
  if (key.home === true) return { type: "move", to: isModified ? "text-start" : "line-start" };
  if (key.end === true) return { type: "move", to: isModified ? "text-end" : "line-end" };
  if (key.upArrow === true) return { type: "up" };
  if (key.downArrow === true) return { type: "down" };
  if (key.pageUp === true) return { type: "page-up" };
  return key.pageDown === true ? { type: "page-down" } : undefined;
}

/** More than anybody types while the program is busy: a paste, in a terminal that does not mark them. */
const mostTyped = { characters: 400, lines: 10 };

/** Characters that came together: keys that were pressed while the program was busy, as a rule. */
function readChunk(chunk: string): readonly KeyAction[] {
  const lines = chunk.split(/\r\n?|\n/).length - 1;
  if (lines > 0 && (chunk.length > mostTyped.characters || lines > mostTyped.lines)) {
    // Enter, held down, is no paste.
    if (!/^(?:\r\n?)+$/.test(chunk)) return [{ type: "paste", text: chunk }];
  }
  const pieces = chunk.replaceAll("\r\n", "\r").match(/\P{Cc}+|\p{Cc}/gu) ?? [];
  return pieces.flatMap((piece): KeyAction[] => {
    if (!/^\p{Cc}$/u.test(piece)) return [{ type: "insert", text: piece }];
    return controlCharacter(piece);
  });
}

function controlCharacter(character: string): KeyAction[] {
  const code = character.charCodeAt(0);
  if (code === 0x7f) return [{ type: "erase", to: "left" }];
  // Ctrl with a letter, or with one of [ \ ] ^ _; C1 controls have no key.
  return code < 0x20
    ? optional(controlKeys.get(String.fromCharCode(code + 0x40).toLowerCase()))
    : [];
}
