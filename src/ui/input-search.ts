/** Keys while what was typed before is searched (Ctrl-R). Pure. */
import {
  acceptSearch,
  narrowSearch,
  newerMatch,
  olderMatch,
  type HistorySearch,
} from "./composer/history-search.ts";
import type { KeyAction } from "./composer/keys.ts";
import {
  only,
  reduceInput,
  type InputContext,
  type InputResult,
  type InputState,
} from "./input-state.ts";

export function reduceSearch(
  state: InputState & { readonly search: HistorySearch },
  key: KeyAction,
  context: InputContext,
): InputResult {
  const { history, search, composer } = state;
  const found = (changed: HistorySearch): InputResult => only({ ...state, search: changed });
  const accepted = (): InputState => ({
    ...state,
    ...acceptSearch(history, search, composer),
    search: undefined,
  });
  switch (key.type) {
    case "insert":
    case "paste":
      return found(narrowSearch(history, search, search.query + key.text.replaceAll(/\s+/g, " ")));
    case "erase":
      return found(narrowSearch(history, search, Array.from(search.query).slice(0, -1).join("")));
    case "search-history":
    case "up":
      return found(olderMatch(history, search));
    case "steer":
    case "down":
      return found(newerMatch(history, search));
    case "interrupt":
    case "editor":
    case "cancel":
      return only({ ...state, search: undefined });
    case "submit":
    case "complete":
      return only(accepted());
    default:
      return reduceInput(accepted(), key, context);
  }
}
