/** What the person is writing, as plain data: keys in, a new state and what is to be done out. */
import { completionAt, type Completion } from "./composer/completion.ts";
import {
  createComposer,
  expanded,
  freshComposer,
  setText,
  type Composer,
} from "./composer/composer-state.ts";
import { applyEdit } from "./composer/edit-actions.ts";
import { startSearch, type HistorySearch } from "./composer/history-search.ts";
import {
  addEntry,
  createHistory,
  nextEntry,
  previousEntry,
  type History,
} from "./composer/history.ts";
import { resolveKey, type ChatKey, type KeyAction } from "./composer/keys.ts";
import { reducePopup } from "./input-popup.ts";
import { reduceSearch } from "./input-search.ts";
import { moveVertically } from "./composer/layout.ts";
import { pasteLabel } from "./composer/pastes.ts";
import type { Draft } from "./waiting-messages.ts";

export interface Popup {
  readonly place: Completion;
  readonly candidates: readonly string[];
  readonly selected: number;
}

export interface InputState {
  readonly composer: Composer;
  readonly history: History;
  readonly search: HistorySearch | undefined;
  readonly popup: Popup | undefined;
  /** When Ctrl-C was pressed last, if the next one leaves. */
  readonly armedAt: number | undefined;
}

export type InputEffect =
  | { readonly type: "submit" | "steer"; readonly draft: Draft }
  | { readonly type: "interrupt" | "exit" | "editor" | "suspend" | "fold" | "redraw" }
  /** Candidates are wanted. */
  | { readonly type: "complete"; readonly place: Completion };

export interface InputContext {
  /** Columns of the composer's text. */
  readonly width: number;
  readonly isWorking: boolean;
  /** Milliseconds. */
  readonly now: number;
  readonly needsArgument: (command: string) => boolean;
}

export interface InputResult {
  readonly state: InputState;
  readonly effects: readonly InputEffect[];
}

/** How long after a Ctrl-C the next one leaves. */
export const armedMs = 2_000;

export function createInput(entries: readonly string[]): InputState {
  return {
    composer: createComposer(),
    history: createHistory(entries),
    search: undefined,
    popup: undefined,
    armedAt: undefined,
  };
}

export function reduceInput(state: InputState, key: KeyAction, context: InputContext): InputResult {
  const calm = key.type === "cancel" ? state : { ...state, armedAt: undefined };
  if (calm.search) return reduceSearch({ ...calm, search: calm.search }, key, context);
  if (calm.popup) {
    const result = reducePopup({ ...calm, popup: calm.popup }, key, context);
    if (result) return result;
  }
  return reduceKey(calm, resolveKey(calm.composer, key), context);
}

/** Candidates have come, for a place that may have moved on since. */
export function showCandidates(
  state: InputState,
  place: Completion,
  candidates: readonly string[],
): InputState {
  if (state.search || !isCurrent(state, place)) return state;
  const isDone =
    candidates.length === 0 || (candidates.length === 1 && candidates[0] === place.query);
  return { ...state, popup: isDone ? undefined : { place, candidates, selected: 0 } };
}

export function isCurrent({ composer }: InputState, place: Completion): boolean {
  return JSON.stringify(completionAt(composer)) === JSON.stringify(place);
}

/** Text goes back before what is being written now. */
export function putBack(state: InputState, text: string): InputState {
  const { composer } = state;
  const all = composer.text === "" ? text : `${text}\n${expanded(composer)}`;
  return { ...state, composer: setText(composer, all), popup: undefined, search: undefined };
}

/** As it is shown, and as it is sent. */
export function draftOf(composer: Composer): Draft {
  const shown = composer.text.replaceAll(/[\u{F0000}-\u{10FFFF}]/gu, (placeholder) => {
    const paste = composer.pastes.get(placeholder);
    return paste === undefined ? placeholder : pasteLabel(paste);
  });
  return { shown, text: expanded(composer) };
}

export function only(state: InputState, ...effects: readonly InputEffect[]): InputResult {
  return { state, effects };
}

function reduceKey(state: InputState, key: KeyAction, context: InputContext): InputResult {
  if (isEdit(key)) return edited(state, applyEdit(state.composer, key));
  switch (key.type) {
    case "submit":
    case "steer":
      return send(state, key.type);
    case "interrupt":
      return only(state, ...(context.isWorking ? [{ type: "interrupt" } as const] : []));
    case "cancel":
      return cancel(state, context);
    case "end-of-input":
      return only(state, { type: "exit" });
    case "up":
    case "down":
      return vertical(state, key.type, context);
    case "page-up":
    case "page-down":
      return history(state, key.type === "page-up" ? "up" : "down");
    case "search-history":
      return only({ ...state, search: startSearch(), popup: undefined });
    case "complete": {
      const place = completionAt(state.composer);
      return only(state, ...(place ? [{ type: "complete", place } as const] : []));
    }
    case "back-tab":
      return only(state);
    case "editor":
    case "suspend":
    case "fold":
    case "redraw":
      return only(state, { type: key.type });
    default:
      return key satisfies never;
  }
}

const chatKeys: ReadonlySet<string> = new Set<ChatKey>([
  "submit",
  "steer",
  "interrupt",
  "cancel",
  "end-of-input",
  "editor",
  "suspend",
  "search-history",
  "complete",
  "back-tab",
  "fold",
  "redraw",
  "up",
  "down",
  "page-up",
  "page-down",
]);

export type EditKey = Exclude<KeyAction, { readonly type: ChatKey }>;

export function isEdit(key: KeyAction): key is EditKey {
  return !chatKeys.has(key.type);
}

/** Completion is looked for wherever a command or a path is being written. */
export function edited(state: InputState, composer: Composer): InputResult {
  const place = composer.text === state.composer.text ? undefined : completionAt(composer);
  const kept = { ...state, composer, popup: place ? state.popup : undefined };
  return only(kept, ...(place ? [{ type: "complete", place } as const] : []));
}

export function send(state: InputState, type: "submit" | "steer"): InputResult {
  const draft = draftOf(state.composer);
  if (draft.text.trim() === "") return only(state);
  const cleared = {
    ...state,
    composer: freshComposer(state.composer),
    history: addEntry(state.history, draft.text),
    popup: undefined,
  };
  return only(cleared, { type, draft });
}

function cancel(state: InputState, { isWorking, now }: InputContext): InputResult {
  const isArmed = state.armedAt !== undefined && now - state.armedAt < armedMs;
  if (isArmed) return only(state, { type: "exit" });
  const armed = { ...state, armedAt: now, popup: undefined };
  if (isWorking) return only(armed, { type: "interrupt" });
  if (state.composer.text === "") return only(armed);
  return only({ ...armed, composer: applyEdit(state.composer, { type: "clear" }) });
}

/** A row up or down; beyond the first and the last, history. */
function vertical(
  state: InputState,
  direction: "up" | "down",
  { width }: InputContext,
): InputResult {
  const composer = moveVertically(state.composer, width, direction);
  return composer ? only({ ...state, composer }) : history(state, direction);
}

function history(state: InputState, direction: "up" | "down"): InputResult {
  const step = direction === "up" ? previousEntry : nextEntry;
  const recalled = step(state.history, state.composer);
  return only(recalled ? { ...state, ...recalled, popup: undefined } : state);
}
