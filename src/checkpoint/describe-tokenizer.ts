/** Which vocabulary a model has. */
import { createHash } from "node:crypto";
import type { CheckpointHead } from "./checkpoint-head.ts";

export interface TokenizerDescription {
  readonly revision: string;
  /** Entries, with those for control tokens. */
  readonly vocabulary: number | undefined;
  /** Tokens made of text. */
  readonly ranks: number | undefined;
  /** Hexadecimal, of the `tiktoken.model` that is there or that the GGUF file's tokens make. */
  readonly sha256: string | undefined;
  /** llama.cpp's name of how text is cut before tokens are made. */
  readonly preTokenizer: string | undefined;
}

/**
 * By the SHA-256 of `tiktoken.model`. K2's is the same in K2 Base, Instruct, 0905 and Thinking, K2.5 to
 * K2.7, Kimi-Linear, Kimi-VL and Moonlight: 2,795,286 bytes, 163,584 ranks (k2-facts §2.1; the sum is the
 * one that Hugging Face gives for the file, as several public projects record it).
 */
const known: Readonly<Record<string, string>> = {
  b6c497a7469b33ced9c38afb1ad6e47f03f5e5dc05f15930799210ec050c5103: "Kimi K2's",
  "5fd8614dd765fcd758968a6d08bd9d993afb2dce791d119ba89b62b795145186": "kimi-nano's",
};

/** `undefined` where there is none. */
export function describeTokenizer(head: CheckpointHead): TokenizerDescription | undefined {
  if (head.format === "gguf") return ofGguf(head);
  const { tokenizerFile: file, config } = head;
  if (!file) return undefined;
  const vocabulary =
    (config?.["text_config"] as typeof config)?.["vocab_size"] ?? config?.["vocab_size"];
  return {
    revision: known[file.sha256] ?? `${file.name}, not one that is known here`,
    vocabulary: typeof vocabulary === "number" ? vocabulary : undefined,
    ranks: file.name === "tiktoken.model" ? file.ranks : undefined,
    sha256: file.sha256,
    preTokenizer: undefined,
  };
}

function ofGguf({ metadata }: CheckpointHead): TokenizerDescription | undefined {
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const types = metadata.get("tokenizer.ggml.token_type");
  if (!Array.isArray(tokens)) return undefined;
  const list = tokens as readonly string[];
  const pre = metadata.get("tokenizer.ggml.pre");
  const ordinary = Array.isArray(types) ? list.filter((_, id) => types[id] === ordinaryType) : list;
  const sha256 =
    metadata.get("tokenizer.ggml.model") === "gpt2" ? hashAsTiktoken(ordinary) : undefined;
  const unknown =
    typeof pre === "string" ? pre : String(metadata.get("tokenizer.ggml.model") ?? "unnamed");
  return {
    revision: (sha256 && known[sha256]) ?? `${unknown}, not one that is known here`,
    vocabulary: list.length,
    ranks: ordinary.length,
    sha256,
    preTokenizer: typeof pre === "string" ? pre : undefined,
  };
}

const ordinaryType = 1;

/** The sum of the `tiktoken.model` that these tokens, ranks in order, came from. */
function hashAsTiktoken(tokens: readonly string[]): string {
  const hash = createHash("sha256");
  tokens.forEach((token, rank) => hash.update(`${bytesOf(token).toString("base64")} ${rank}\n`));
  return hash.digest("hex");
}

/** GPT-2's table, backwards: printable Latin-1 stands for itself, other bytes from U+0100 on. */
const bytes: ReadonlyMap<string, number> = (() => {
  const table = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    table.set(String.fromCharCode(printable ? byte : next++), byte);
  }
  return table;
})();

function bytesOf(token: string): Buffer {
  return Buffer.from(Array.from(token, (char) => bytes.get(char) ?? 0x3f));
}
