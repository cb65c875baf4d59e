import { Tokenizer } from "@huggingface/tokenizers";
import { KimiError } from "../../errors.ts";
import type { Prompt } from "../text-engine.ts";
import { spellPrompt } from "./prompt-writer.ts";
import { bytesOf, type Vocabulary } from "./vocabulary.ts";

/** K2's split into words (`pat_str` of `tokenization_kimi.py`, k2-facts §2.2). */
const splitPattern = [
  String.raw`[\p{Han}]+`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
  String.raw`\p{N}{1,3}`,
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`,
  String.raw`\s*[\r\n]+`,
  String.raw`\s+(?!\S)`,
  String.raw`\s+`,
].join("|");

/** Text to ids and back. Text is always ordinary: control tokens exist only as pieces of a prompt. */
export class KimiTokenizer {
  readonly #vocabulary: Vocabulary;
  readonly #tokenizer: Tokenizer;
  readonly #controlNames: ReadonlyMap<number, string>;
  readonly #bytes: (Uint8Array | undefined)[] = [];

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.#controlNames = new Map([...vocabulary.control].map(([name, id]) => [id, name]));
    const { tokens, merges = mergesFromRanks(tokens) } = vocabulary;
    const model = {
      type: "BPE",
      ignore_merges: true,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    };
    const split = {
      type: "Split",
      pattern: { Regex: splitPattern },
      behavior: "Isolated",
      invert: false,
    };
    const byteLevel = {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: false,
    };
    const description = {
      version: "1.0",
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: "Sequence", pretokenizers: [split, byteLevel] },
      post_processor: null,
      decoder: byteLevel,
      model,
    };
    this.#tokenizer = new Tokenizer(description, { clean_up_tokenization_spaces: false });
  }

  encode(text: string): number[] {
    return text === "" ? [] : this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
  }

  /** @throws KimiError if the vocabulary lacks a control token of the prompt. */
  encodePrompt(prompt: Prompt): number[] {
    const ids: number[] = [];
    for (const piece of prompt) {
      if (piece.type === "text") for (const id of this.encode(piece.text)) ids.push(id);
      // A token that the vocabulary does not have (the template's `media_start`) is written as text.
      else if (!this.#vocabulary.control.has(piece.token))
        ids.push(...this.encode(spellPrompt([piece])));
      else ids.push(this.controlId(piece.token));
    }
    return ids;
  }

  controlId(name: string): number {
    const id = this.#vocabulary.control.get(name);
    if (id !== undefined) return id;
    throw new KimiError(`the vocabulary has no ${name}: this is not a Kimi K2 model`, {
      code: "bad-vocabulary",
      hint: "Use a model with K2's chat format (Kimi K2, Kimi-Linear), or a server with --protocol chat.",
    });
  }

  /** The name of a control token's id; `undefined` for an ordinary token. */
  controlName(id: number): string | undefined {
    return this.#controlNames.get(id);
  }

  /** The bytes of an ordinary token; tokens end anywhere in a character. None for an id that does not exist. */
  tokenBytes(id: number): Uint8Array {
    const token = this.#vocabulary.tokens[id];
    return token === undefined ? new Uint8Array() : (this.#bytes[id] ??= bytesOf(token));
  }

  /** Ids from 0 on that are ordinary tokens. */
  get ordinaryTokens(): number {
    return this.#vocabulary.tokens.length;
  }

  /** Control tokens' names by id. */
  get controlNames(): ReadonlyMap<number, string> {
    return this.#controlNames;
  }

  has(id: number): boolean {
    return this.#vocabulary.tokens[id] !== undefined || this.#controlNames.has(id);
  }

  /** Control tokens come out spelled; bytes that are no UTF-8 as U+FFFD. */
  decode(ids: readonly number[]): string {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let text = "";
    for (const id of ids) {
      const control = this.controlName(id);
      text +=
        control === undefined
          ? decoder.decode(this.tokenBytes(id), { stream: true })
          : decoder.decode() + control;
    }
    return text + decoder.decode();
  }
}

/**
 * Merges that give the same result as tiktoken's "join the pair of lowest rank": every way to put a
 * token together from two others, ordered by the token's rank and then by the halves' (k2-facts §2.4).
 */
function mergesFromRanks(tokens: readonly string[]): [string, string][] {
  const ranks = new Map(tokens.map((token, rank) => [token, rank]));
  const merges: [string, string][] = [];
  for (const token of tokens) {
    const pairs: { left: string; right: string; leftRank: number; rightRank: number }[] = [];
    for (let at = 1; at < token.length; at++) {
      const left = token.slice(0, at);
      const leftRank = ranks.get(left);
      if (leftRank === undefined) continue;
      const right = token.slice(at);
      const rightRank = ranks.get(right);
      if (rightRank !== undefined) pairs.push({ left, right, leftRank, rightRank });
    }
    pairs.sort((a, b) => a.leftRank - b.leftRank || a.rightRank - b.rightRank);
    for (const { left, right } of pairs) merges.push([left, right]);
  }
  return merges;
}
