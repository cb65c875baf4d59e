/** Inputs with a text and a cursor, and keys pressed in them. */
import { composerAt } from "./composer/arbitraries.ts";
import { completionAt, type Completion } from "../../../src/ui/composer/completion.ts";
import type { KeyAction } from "../../../src/ui/composer/keys.ts";
import {
  createInput,
  reduceInput,
  type InputContext,
  type InputResult,
  type InputState,
} from "../../../src/ui/input-state.ts";

export const idle: InputContext = {
  width: 40,
  isWorking: false,
  now: 10_000,
  needsArgument: (name) => name === "resume",
};
export const busy = { ...idle, isWorking: true };

export function inputWith(text: string, change: Partial<InputState> = {}): InputState {
  return { ...createInput(["older", "newer"]), composer: composerAt(text), ...change };
}

/** With candidates for what is being written. */
export function withPopup(text: string, candidates: readonly string[], selected = 0): InputState {
  const input = inputWith(text);
  const place = completionAt(input.composer) as Completion;
  return { ...input, popup: { place, candidates, selected } };
}

export function press(state: InputState, key: KeyAction, context = idle): InputResult {
  return reduceInput(state, key, context);
}

export const pressed = (state: InputState, ...keys: readonly KeyAction[]): InputState =>
  keys.reduce((now, key) => press(now, key).state, state);

export const insert = (text: string): KeyAction => ({ type: "insert", text });
