/** Walking through what was sent before. What was typed or changed on the way is kept. */
import { freshComposer, type Composer } from "./composer-state.ts";

export interface History {
  /** Oldest first. */
  readonly entries: readonly string[];
  /** Which entry is shown; `entries.length` is the draft. */
  readonly index: number;
  /** What was left in the composer at each place: the draft, and entries as they were changed. */
  readonly left: ReadonlyMap<number, Composer>;
}

/** What a step through history gives. */
export interface Recalled {
  readonly history: History;
  readonly composer: Composer;
}

/** `entries` oldest first. */
export function createHistory(entries: readonly string[] = []): History {
  return { entries, index: entries.length, left: new Map() };
}

/** After sending `text`, expanded. Blank texts and one equal to the last are not added. */
export function addEntry(history: History, text: string): History {
  const isNew = text.trim() !== "" && text !== history.entries.at(-1);
  return createHistory(isNew ? [...history.entries, text] : history.entries);
}

/** The entry before the one shown; undefined at the oldest. */
export function previousEntry(history: History, composer: Composer): Recalled | undefined {
  return history.index === 0 ? undefined : recall(history, composer, history.index - 1);
}

/** The entry after the one shown, and after the newest the draft; undefined at the draft. */
export function nextEntry(history: History, composer: Composer): Recalled | undefined {
  return history.index >= history.entries.length
    ? undefined
    : recall(history, composer, history.index + 1);
}

/** Shows the entry at `index`, and keeps `composer` for when its own place is shown again. */
export function recall(history: History, composer: Composer, index: number): Recalled {
  const left = new Map(history.left).set(history.index, composer);
  return {
    history: { ...history, index, left },
    composer: left.get(index) ?? freshComposer(composer, history.entries[index] ?? ""),
  };
}
