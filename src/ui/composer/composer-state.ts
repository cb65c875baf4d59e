/** The text being written, and the few ways it can change. What keys do is in edit-actions.ts. */
import { joinSteps, type EditStep } from "./edit-steps.ts";
import { boundaryFrom } from "./graphemes.ts";
import {
  describePaste,
  expandPlaceholders,
  freePlaceholder,
  looksLikePlaceholder,
  needsPlaceholder,
  normalizeLineBreaks,
  referredPastes,
  type Paste,
} from "./pastes.ts";

/** What the last action was, where the next one may go on with it. */
export type PreviousAction = "type" | "erase" | "kill" | "yank" | "other";

/** Immutable plain data; every function here and in edit-actions.ts gives a new one. */
export interface Composer {
  /** Line breaks are "\n" only; a large paste is one code point, a key of `pastes`. */
  readonly text: string;
  /** UTF-16 units; always at a grapheme boundary. */
  readonly cursor: number;
  readonly pastes: ReadonlyMap<string, Paste>;
  readonly undo: EditStep | undefined;
  readonly redo: EditStep | undefined;
  /** What was cut, newest first. */
  readonly killed: readonly string[];
  /** Which of `killed` the last yank inserted; only of use while `previous` is "yank". */
  readonly yanked: number;
  readonly previous: PreviousAction;
  /** The display column that moves by rows keep to; undefined after anything else. */
  readonly preferredColumn: number | undefined;
}

/** A replacement between two grapheme boundaries; the cursor goes behind it. */
export interface Change {
  readonly from: number;
  readonly to: number;
  readonly inserted: string;
  readonly previous: PreviousAction;
}

/** A longer text that is set, not pasted, is shown as one paste. */
const longestSetText = 100_000;

export function createComposer(text = ""): Composer {
  const empty: Composer = {
    text: "",
    cursor: 0,
    pastes: new Map(),
    undo: undefined,
    redo: undefined,
    killed: [],
    yanked: 0,
    previous: "other",
    preferredColumn: undefined,
  };
  return text === "" ? empty : freshComposer(empty, text);
}

/** A composer with another text and nothing to undo; what was cut is kept. For sending and history. */
export function freshComposer(composer: Composer, text = ""): Composer {
  const { killed } = composer;
  const pastes = referredPastes(killed, composer.pastes);
  const empty = { ...createComposer(), killed, pastes };
  return text === "" ? empty : { ...setText(empty, text), undo: undefined };
}

/** The text to send: every placeholder replaced by what was pasted. */
export function expanded(composer: Composer): string {
  return expandPlaceholders(composer.text, composer.pastes);
}

/** Ends what the next action could go on with. */
export function moveTo(composer: Composer, cursor: number): Composer {
  return { ...composer, cursor, previous: "other", preferredColumn: undefined };
}

/** One undo step, which may join the one before: see `joinSteps`. */
export function change(composer: Composer, { from, to, inserted, previous }: Change): Composer {
  const removed = composer.text.slice(from, to);
  if (removed === "" && inserted === "") return moveTo(composer, composer.cursor);
  const text = composer.text.slice(0, from) + inserted + composer.text.slice(to);
  const cursor = boundaryFrom(text, from + inserted.length);
  const next = composer.undo;
  const step = {
    at: from,
    removed,
    inserted,
    cursorBefore: composer.cursor,
    cursorAfter: cursor,
    next,
  };
  const grouping = previous === "type" || previous === "erase" ? previous : undefined;
  const joined =
    next !== undefined && grouping !== undefined && grouping === composer.previous
      ? joinSteps(next, step, grouping)
      : undefined;
  return {
    ...composer,
    text,
    cursor,
    undo: joined ?? step,
    redo: undefined,
    previous,
    preferredColumn: undefined,
  };
}

/** A paste at the cursor, verbatim but for its line breaks; a large one as a placeholder. */
export function paste(composer: Composer, pasted: string): Composer {
  const here = { from: composer.cursor, to: composer.cursor };
  const described = describePaste(normalizeLineBreaks(pasted));
  return needsPlaceholder(described)
    ? insertPlaceholder(composer, here, described)
    : insertAt(composer, here, described.text);
}

/** Replaces the whole text, as one undo step; the cursor goes to its end. */
export function setText(composer: Composer, text: string): Composer {
  const everything = { from: 0, to: composer.text.length };
  const normalized = normalizeLineBreaks(text);
  return normalized.length > longestSetText || looksLikePlaceholder(normalized)
    ? insertPlaceholder(composer, everything, describePaste(normalized))
    : insertAt(composer, everything, normalized);
}

export function undo(composer: Composer): Composer {
  const step = composer.undo;
  if (step === undefined) return moveTo(composer, composer.cursor);
  const { at, removed, inserted, cursorBefore } = step;
  const text = composer.text.slice(0, at) + removed + composer.text.slice(at + inserted.length);
  const redo = { ...step, next: composer.redo };
  return { ...moveTo(composer, cursorBefore), text, undo: step.next, redo };
}

export function redo(composer: Composer): Composer {
  const step = composer.redo;
  if (step === undefined) return moveTo(composer, composer.cursor);
  const { at, removed, inserted, cursorAfter } = step;
  const text = composer.text.slice(0, at) + inserted + composer.text.slice(at + removed.length);
  const undo = { ...step, next: composer.undo };
  return { ...moveTo(composer, cursorAfter), text, undo, redo: step.next };
}

interface Place {
  readonly from: number;
  readonly to: number;
}

function insertAt(composer: Composer, place: Place, inserted: string): Composer {
  return change(composer, { ...place, inserted, previous: "other" });
}

function insertPlaceholder(composer: Composer, place: Place, paste: Paste): Composer {
  const placeholder = freePlaceholder(composer.pastes);
  // After 32,766 large pastes into one message the next is refused, visibly, and not cut.
  if (placeholder === undefined) return composer;
  const pastes = new Map(composer.pastes).set(placeholder, paste);
  return { ...insertAt(composer, place, placeholder), pastes };
}
