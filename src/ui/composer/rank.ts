/** Ordering candidates by how well they fit what was typed. */

/** Lower is better; undefined when the candidate does not fit at all. */
function misfit(candidate: string, query: string): number | undefined {
  const text = fold(candidate);
  if (text.startsWith(query)) return 0;
  if (beginsWord(candidate, text, query)) return 1;
  if (text.includes(query)) return 2;
  return isSubsequence(text, query) ? 3 : undefined;
}

const fold = (text: string): string => text.normalize("NFC").toLowerCase();

/** Whether the query is where a word of the candidate begins, in `aWord`, `a-word` and `a/word`. */
function beginsWord(candidate: string, text: string, query: string): boolean {
  for (let at = text.indexOf(query, 1); at !== -1; at = text.indexOf(query, at + 1)) {
    const before = candidate.charAt(at - 1);
    if (/[^\p{L}\p{N}]/u.test(before)) return true;
    if (/\p{Ll}/u.test(before) && /\p{Lu}/u.test(candidate.charAt(at))) return true;
  }
  return false;
}

function isSubsequence(text: string, query: string): boolean {
  let at = 0;
  for (const character of query) {
    at = text.indexOf(character, at);
    if (at === -1) return false;
    at += character.length;
  }
  return true;
}

/**
 * The candidates that fit, best first: the query begins them, begins a word in them, is in them, or
 * its letters are in them in order; of equally good ones the shorter first, else in their own order.
 * Case does not matter. `textOf` gives the text of a candidate that is none itself.
 */
export function rank<Candidate>(
  candidates: readonly Candidate[],
  query: string,
  textOf: (candidate: Candidate) => string = String,
): Candidate[] {
  const folded = fold(query);
  return candidates
    .flatMap((candidate) => {
      const text = textOf(candidate);
      const misfits = misfit(text, folded);
      return misfits === undefined ? [] : [{ candidate, misfits, length: text.length }];
    })
    .sort((one, other) => one.misfits - other.misfits || one.length - other.length)
    .map(({ candidate }) => candidate);
}
