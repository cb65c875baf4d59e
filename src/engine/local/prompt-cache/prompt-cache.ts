import { closeSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import type { LlamaContextSequence, Token } from "node-llama-cpp";
import { isIntact, readSavedState, sealState, type SavedState } from "./saved-state.ts";

export interface PromptCacheOptions {
  /** Where the state of the conversation at hand is kept; `undefined` for one that is not kept. */
  readonly file: () => string | undefined;
  /** The most that a state may take. */
  readonly maxBytes: number;
  /** Makes room for a state before it takes its place, and says whether it may. */
  readonly makeRoom: (file: string, bytes: number) => boolean;
}

export interface CachedModel extends PromptCacheOptions {
  /** See `stateIdentity`. */
  readonly identity: string;
}

/** Tokens; fewer are computed in less time than it is worth to keep a file for. */
const leastTokens = 64;

/** Keeps the state of a sequence on disk, beside the conversation that it is of. */
export class PromptCache {
  readonly #options: CachedModel;
  /** Of the conversation whose tokens the sequence holds. */
  #file: string | undefined;

  constructor(options: CachedModel) {
    this.#options = options;
  }

  /**
   * What is kept of the conversation at hand, if the sequence does not hold that one already; the one it
   * holds is saved before.
   */
  async find(
    sequence: LlamaContextSequence,
    reply: readonly number[],
  ): Promise<SavedState | undefined> {
    const file = this.#options.file();
    if (file === this.#file) return undefined;
    await this.save(sequence, reply);
    this.#file = file;
    const state = file === undefined ? undefined : readSavedState(file);
    return state?.identity === this.#options.identity ? state : undefined;
  }

  /**
   * Gives the sequence a state that begins as the prompt does, if that saves work. A damaged one is
   * removed. Throws only when aborted, and then it is tried again the next time.
   */
  async restore(
    sequence: LlamaContextSequence,
    state: SavedState,
    { input, signal }: { readonly input: readonly number[]; readonly signal: AbortSignal },
  ): Promise<void> {
    const present = sequence.compareContextTokens(input as Token[]).firstDifferentIndex;
    const isWorthIt = commonLength(state.tokens, input) >= present + leastTokens;
    if (!isWorthIt || state.tokens.length > sequence.contextSize) return;
    try {
      if ((await isIntact(state, signal)) && (await load(sequence, state))) return;
    } catch (thrown) {
      this.#file = undefined;
      throw thrown;
    }
    rmSync(state.path, { force: true });
  }

  /** Of the conversation that the sequence holds. What can't be written is not kept, and nothing else happens. */
  async save(sequence: LlamaContextSequence, reply: readonly number[]): Promise<void> {
    const { identity, maxBytes, makeRoom } = this.#options;
    const file = this.#file;
    const tokens = sequence.contextTokens;
    if (file === undefined || tokens.length < leastTokens) return;
    if (sequence.context.stateSize > maxBytes) return; // nearly the file's size
    const draft = `${file}.${process.pid}`;
    try {
      closeSync(openSync(draft, "w", 0o600)); // llama.cpp would make it for everybody
      const { fileSize } = await sequence.saveStateToFile(draft);
      await sealState(draft, fileSize, { identity, tokens, reply });
      if (makeRoom(file, statSync(draft).size)) renameSync(draft, file);
    } catch {
      // a full disk, a folder that is not there: the next run computes the prompt
    } finally {
      rmSync(draft, { force: true });
    }
  }
}

/** Says whether the sequence then holds these tokens; else it holds none. */
async function load(
  sequence: LlamaContextSequence,
  { path, tokens }: SavedState,
): Promise<boolean> {
  await sequence.clearHistory();
  try {
    await sequence.loadStateFromFile(path, { acceptRisk: true });
  } catch {
    return false; // llama.cpp has then emptied the sequence
  }
  const loaded = sequence.contextTokens;
  if (loaded.length === tokens.length && commonLength(loaded, tokens) === tokens.length)
    return true;
  await sequence.clearHistory();
  return false;
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a[at] === b[at]) at++;
  return at;
}
