/** Keys while candidates are shown. Pure. */
import { applyCompletion, type Completion } from "./composer/completion.ts";
import type { KeyAction } from "./composer/keys.ts";
import {
  edited,
  isCurrent,
  only,
  send,
  type InputContext,
  type InputResult,
  type InputState,
  type Popup,
} from "./input-state.ts";

/** `undefined` for keys that the popup leaves to the composer. */
export function reducePopup(
  state: InputState & { readonly popup: Popup },
  key: KeyAction,
  context: InputContext,
): InputResult | undefined {
  const { popup } = state;
  const count = popup.candidates.length;
  // Until new candidates come, these are for what was written before.
  const chosen = isCurrent(state, popup.place) ? popup.candidates[popup.selected] : undefined;
  switch (key.type) {
    case "up":
    case "down": {
      const step = key.type === "up" ? count - 1 : 1;
      return only({ ...state, popup: { ...popup, selected: (popup.selected + step) % count } });
    }
    case "interrupt":
      return only({ ...state, popup: undefined });
    case "complete":
      return chosen === undefined ? undefined : complete(state, popup.place, chosen);
    case "submit": {
      if (chosen === undefined || chosen === popup.place.query) return undefined;
      const completed = complete(state, popup.place, chosen);
      const isWhole = popup.place.kind === "command" && !context.needsArgument(chosen);
      return isWhole ? send(completed.state, "submit") : completed;
    }
    default:
      return undefined;
  }
}

function complete(state: InputState, place: Completion, chosen: string): InputResult {
  const composer = applyCompletion(state.composer, place, chosen);
  return edited({ ...state, popup: undefined }, composer);
}
