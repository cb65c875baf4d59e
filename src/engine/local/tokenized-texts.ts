import type { KimiTokenizer } from "../kimi/tokenizer.ts";
import type { Prompt } from "../text-engine.ts";
import type { SavedState } from "./prompt-cache/saved-state.ts";

/**
 * The texts of the last prompt and reply and their tokens: a conversation is not tokenized anew each
 * turn, and the model's reply is found in the KV cache as the model itself cut it.
 */
export class TokenizedTexts {
  readonly #tokenizer: KimiTokenizer;
  #known = new Map<string, readonly number[]>();
  #reply: readonly number[] = [];

  constructor(tokenizer: KimiTokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** The last words of the model's own. */
  get reply(): readonly number[] {
    return this.#reply;
  }

  /** Forgets what is not in this prompt. */
  encode(prompt: Prompt): number[] {
    const used = new Map<string, readonly number[]>();
    const ids = prompt.flatMap((piece) => {
      if (piece.type === "control") return this.#tokenizer.encodePrompt([piece]);
      const known = this.#known.get(piece.text) ?? this.#tokenizer.encode(piece.text);
      used.set(piece.text, known);
      return known;
    });
    this.#known = used;
    return ids;
  }

  keepReply(ids: readonly number[]): void {
    if (ids.length === 0) return;
    this.#known.set(this.#tokenizer.decode(ids), ids);
    this.#reply = ids;
  }

  /** The texts of an earlier process and how they were cut: they lie between control tokens. */
  recall({ tokens, reply }: SavedState): void {
    let words: number[] = [];
    for (const id of tokens) {
      if (this.#tokenizer.controlName(id) === undefined) words.push(id);
      else {
        this.keepReply(words);
        words = [];
      }
    }
    this.keepReply(words);
    this.keepReply(reply);
  }
}
