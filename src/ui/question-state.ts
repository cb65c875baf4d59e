/** Answering whether a call may run: keys in, a new state and perhaps an answer out. */
import type { PersonsAnswer } from "../agent/approval.ts";
import { createComposer, expanded, type Composer } from "./composer/composer-state.ts";
import { applyEdit } from "./composer/edit-actions.ts";
import type { KeyAction } from "./composer/keys.ts";
import { isEdit } from "./input-state.ts";

export interface QuestionState {
  /** Index in `choices`. */
  readonly selected: number;
  /** Why not, while it is being written. */
  readonly reason: Composer | undefined;
  /** Whether keys go here: not while something else was being written, until Tab. */
  readonly isFocused: boolean;
}

export const choices = ["once", "session", "always", "no"] as const;

export function createQuestion(isFocused: boolean): QuestionState {
  return { selected: 0, reason: undefined, isFocused };
}

export interface QuestionResult {
  readonly state: QuestionState;
  readonly answer?: PersonsAnswer;
}

/** `undefined` for keys that mean nothing here. */
export function reduceQuestion(state: QuestionState, key: KeyAction): QuestionResult | undefined {
  if (state.reason) return reduceReason(state, state.reason, key);
  switch (key.type) {
    case "up":
      return {
        state: { ...state, selected: (state.selected + choices.length - 1) % choices.length },
      };
    case "down":
    case "complete":
      return { state: { ...state, selected: (state.selected + 1) % choices.length } };
    case "submit":
      return choose(state, state.selected);
    case "interrupt":
      return { state, answer: { answer: "no", reason: "" } };
    case "insert": {
      const index = "1234".indexOf(key.text);
      return key.text.length === 1 && index >= 0 ? choose(state, index) : undefined;
    }
    default:
      return undefined;
  }
}

function choose(state: QuestionState, index: number): QuestionResult {
  const answer = choices[index] ?? "no";
  if (answer === "no") return { state: { ...state, selected: index, reason: createComposer() } };
  return { state, answer: { answer } };
}

function reduceReason(
  state: QuestionState,
  reason: Composer,
  key: KeyAction,
): QuestionResult | undefined {
  if (key.type === "submit")
    return { state, answer: { answer: "no", reason: expanded(reason).trim() } };
  if (key.type === "interrupt") return { state: { ...state, reason: undefined } };
  return isEdit(key) ? { state: { ...state, reason: applyEdit(reason, key) } } : undefined;
}
