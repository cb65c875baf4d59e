/** Longer texts are compared by their beginnings. */
const mostCompared = 200;

/** Below it two texts have little to do with each other. */
const leastSimilarity = 0.5;

/** The position of the text most like another (pairs of letters, Dice's coefficient), if any is much like it. */
export function mostSimilar(wanted: string, candidates: readonly string[]): number | undefined {
  const pairs = letterPairs(wanted);
  let best: { readonly index: number; readonly similarity: number } | undefined;
  for (const [index, candidate] of candidates.entries()) {
    const similarity = similarityOf(pairs, letterPairs(candidate));
    if (similarity >= leastSimilarity && similarity > (best?.similarity ?? 0))
      best = { index, similarity };
  }
  return best?.index;
}

interface LetterPairs {
  readonly counts: ReadonlyMap<string, number>;
  readonly total: number;
}

function letterPairs(text: string): LetterPairs {
  // Spaces around it, so that first and last letters count and a single letter has pairs.
  const padded = ` ${text.trim().slice(0, mostCompared).toLowerCase()} `;
  const counts = new Map<string, number>();
  for (let at = 0; at + 1 < padded.length; at++) {
    const pair = padded.slice(at, at + 2);
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return { counts, total: padded.length - 1 };
}

function similarityOf(first: LetterPairs, second: LetterPairs): number {
  let shared = 0;
  for (const [pair, count] of second.counts) shared += Math.min(count, first.counts.get(pair) ?? 0);
  return (2 * shared) / (first.total + second.total);
}
