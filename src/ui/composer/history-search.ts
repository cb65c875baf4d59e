/** Searching history backwards (Ctrl-R). The composer is not touched before a match is accepted. */
import type { Composer } from "./composer-state.ts";
import { recall, type History, type Recalled } from "./history.ts";

export interface HistorySearch {
  readonly query: string;
  /** The index of the entry that is shown; undefined when none has been found. */
  readonly matchIndex: number | undefined;
}

/** Where the query is in an entry, UTF-16 units. */
export interface HistoryMatch {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

export function startSearch(): HistorySearch {
  return { query: "", matchIndex: undefined };
}

/** Another query: a longer one goes on from the match, any other one begins at the newest entry. */
export function narrowSearch(
  history: History,
  search: HistorySearch,
  query: string,
): HistorySearch {
  if (query === "") return startSearch();
  const goesOn = search.query !== "" && query.startsWith(search.query);
  if (goesOn && search.matchIndex === undefined) return { query, matchIndex: undefined };
  const newest = history.entries.length - 1;
  const from = goesOn ? (search.matchIndex ?? newest) : newest;
  return { query, matchIndex: findFrom(history, query, { from, step: -1 }) };
}

/** The next older match with another text; the same search when there is none. */
export function olderMatch(history: History, search: HistorySearch): HistorySearch {
  return nextMatch(history, search, -1);
}

/** The next newer match with another text; the same search when there is none. */
export function newerMatch(history: History, search: HistorySearch): HistorySearch {
  return nextMatch(history, search, 1);
}

export function searchMatch(history: History, search: HistorySearch): HistoryMatch | undefined {
  if (search.matchIndex === undefined) return undefined;
  const text = history.entries[search.matchIndex] ?? "";
  const found = patternOf(search.query).exec(text);
  return found === null
    ? undefined
    : { text, from: found.index, to: found.index + found[0].length };
}

/** Shows the match in the composer; without one nothing changes. `composer` is kept as the draft. */
export function acceptSearch(
  history: History,
  search: HistorySearch,
  composer: Composer,
): Recalled {
  return search.matchIndex === undefined
    ? { history, composer }
    : recall(history, composer, search.matchIndex);
}

interface Walk {
  readonly from: number;
  readonly step: 1 | -1;
  /** A text that is no answer. */
  readonly except?: string | undefined;
}

function nextMatch(history: History, search: HistorySearch, step: 1 | -1): HistorySearch {
  const at = search.matchIndex ?? history.entries.length;
  const except = history.entries[at];
  const found = findFrom(history, search.query, { from: at + step, step, except });
  return found === undefined ? search : { ...search, matchIndex: found };
}

function findFrom({ entries }: History, query: string, walk: Walk): number | undefined {
  const pattern = patternOf(query);
  for (let index = walk.from; index >= 0 && index < entries.length; index += walk.step) {
    const entry = entries[index] ?? "";
    if (entry !== walk.except && pattern.test(entry)) return index;
  }
  return undefined;
}

/** Ignores case unless the query has an upper-case letter. */
function patternOf(query: string): RegExp {
  const literal = query.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  return new RegExp(literal, /\p{Lu}/u.test(query) ? "u" : "iu");
}
