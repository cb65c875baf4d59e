import type { TextEvent } from "../text-engine.ts";
import type { LoadedLlama } from "./load-llama.ts";

/** Tokens; a batch that starts a few tokens after the beginning takes longer than one that computes them too. */
const worthwhilePrefix = 16;

/** Drops from the KV cache what does not begin the new prompt; at least its last token is computed anew. */
export async function keepCommonPrefix(
  { sequence }: LoadedLlama,
  input: number[],
): Promise<number> {
  const tokens = input as Parameters<typeof sequence.compareContextTokens>[0];
  const { firstDifferentIndex } = sequence.compareContextTokens(tokens);
  const common = Math.min(firstDifferentIndex, input.length - 1);
  const kept = common < worthwhilePrefix ? 0 : common;
  if (kept < sequence.nextTokenIndex) {
    await sequence.eraseContextTokenRanges([{ start: kept, end: sequence.nextTokenIndex }]);
  }
  return sequence.nextTokenIndex;
}

interface Prefill {
  readonly input: number[];
  readonly cachedTokens: number;
  readonly signal: AbortSignal;
}

/**
 * Evaluates all but the last batch of the prompt, a batch at a time, and returns what is left. Batches
 * end at multiples of their size: attention is computed over the KV cache in whole blocks, and a batch
 * that ends a little beyond one pays for all of the next.
 */
export async function* prefill(
  { sequence, batchSize }: LoadedLlama,
  { input, cachedTokens, signal }: Prefill,
): AsyncGenerator<TextEvent, number[]> {
  let done = cachedTokens;
  for (let end = nextMultiple(done, batchSize); end < input.length; end += batchSize) {
    yield { type: "progress", phase: "prefill", done, total: input.length };
    signal.throwIfAborted();
    const batch = input.slice(done, end) as Parameters<typeof sequence.evaluate>[0];
    await sequence.evaluateWithoutGeneratingNewTokens(batch);
    done = end;
  }
  signal.throwIfAborted();
  return input.slice(done);
}

function nextMultiple(value: number, of: number): number {
  return (Math.floor(value / of) + 1) * of;
}
