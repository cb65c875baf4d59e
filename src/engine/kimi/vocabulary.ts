import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readGguf, type GgufFile } from "../../checkpoint/gguf-read.ts";
import { KimiError, messageOf } from "../../errors.ts";
import { standardControlTokens } from "./control-tokens.ts";

/** The tokens of a model, from whichever file has them. */
export interface Vocabulary {
  /** Ordinary tokens in byte-to-unicode spelling, by id: id, rank and index are one number. */
  readonly tokens: readonly string[];
  /** Control tokens by name. */
  readonly control: ReadonlyMap<string, number>;
  /** Pairs to merge, best first; computed from the ranks where the file has none. */
  readonly merges?: readonly (readonly [string, string])[];
}

/**
 * From a `.gguf`, a `tiktoken.model`, a `tokenizer.json`, or a folder with one of the last two.
 * @throws KimiError naming the file and what is wrong with it.
 */
export function readVocabulary(path: string): Vocabulary {
  const file = existsSync(path) && statSync(path).isDirectory() ? fileIn(path) : path;
  if (file.endsWith(".gguf")) return vocabularyOfGguf(readGguf(file));
  const text = readText(file);
  try {
    return text.trimStart().startsWith("{") ? fromTokenizerJson(text) : fromTiktoken(text, file);
  } catch (cause) {
    if (cause instanceof KimiError) throw cause;
    throw badVocabulary(file, messageOf(cause));
  }
}

function fileIn(folder: string): string {
  const name = ["tiktoken.model", "tokenizer.json"].find((name) => existsSync(join(folder, name)));
  if (name === undefined)
    throw badVocabulary(folder, "it has no tiktoken.model and no tokenizer.json");
  return join(folder, name);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw badVocabulary(file, messageOf(cause));
  }
}

function badVocabulary(path: string, what: string): KimiError {
  return new KimiError(`no vocabulary can be read from ${path}: ${what}`, {
    code: "bad-vocabulary",
    hint: "Give a .gguf file, a tiktoken.model, a tokenizer.json, or the folder of a checkpoint.",
  });
}

/** `tokenizer.ggml.tokens` are byte-to-unicode strings; type 1 is ordinary, 3 control (k2-facts §4.3). */
export function vocabularyOfGguf({ path, metadata }: GgufFile): Vocabulary {
  const names = metadata.get("tokenizer.ggml.tokens");
  const types = metadata.get("tokenizer.ggml.token_type");
  if (!Array.isArray(names) || !Array.isArray(types)) throw badVocabulary(path, "it has no tokens");
  const tokens: string[] = [];
  const control = new Map<string, number>();
  for (const [id, name] of (names as string[]).entries()) {
    if (types[id] === 1 && tokens.length === id) tokens.push(name);
    else if (types[id] === 3) control.set(name, id);
  }
  return { tokens, control };
}

interface TokenizerJson {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly [string, string])[];
  };
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
}

function fromTokenizerJson(text: string): Vocabulary {
  const { model, added_tokens: added } = JSON.parse(text) as TokenizerJson;
  const control = new Map(added?.map(({ content, id }) => [content, id]));
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab))
    if (!control.has(token)) tokens[id] = token;
  const merges = model.merges.map((pair) =>
    typeof pair === "string" ? (pair.split(" ") as [string, string]) : pair,
  );
  return { tokens, control, merges };
}

/** Lines of `base64(bytes) rank`; control tokens from the `tokenizer_config.json` beside it, or K2's own. */
function fromTiktoken(text: string, file: string): Vocabulary {
  const tokens: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line === "") continue;
    const [encoded = "", rank = ""] = line.split(" ");
    if (!/^[A-Za-z0-9+/]+=*$/.test(encoded) || Number(rank) !== tokens.length || rank === "") {
      throw badVocabulary(
        file,
        `line ${index + 1} is not a token in base64 and its rank ${tokens.length}`,
      );
    }
    tokens.push(spellBytes(Buffer.from(encoded, "base64")));
  }
  const config = join(dirname(file), "tokenizer_config.json");
  if (!existsSync(config)) return { tokens, control: standardControlTokens(tokens.length) };
  const { added_tokens_decoder: added } = JSON.parse(readText(config)) as {
    added_tokens_decoder: Record<string, { content: string }>;
  };
  if (!added)
    throw badVocabulary(file, `${basename(config)} beside it has no added_tokens_decoder`);
  return {
    tokens,
    control: new Map(Object.entries(added).map(([id, { content }]) => [content, Number(id)])),
  };
}

/** Byte-to-unicode (GPT-2's table): printable Latin-1 stands for itself, other bytes from U+0100 on. */
const byteSpellings: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) ||
      (byte >= 0xa1 && byte <= 0xac) ||
      (byte >= 0xae && byte <= 0xff);
    return String.fromCharCode(printable ? byte : next++);
  });
})();

const spelledBytes: ReadonlyMap<string, number> = new Map(
  byteSpellings.map((char, byte) => [char, byte]),
);

function spellBytes(bytes: Uint8Array): string {
  let spelled = "";
  for (const byte of bytes) spelled += byteSpellings[byte];
  return spelled;
}

/** The bytes of an ordinary token. */
export function bytesOf(token: string): Uint8Array {
  return Uint8Array.from(token, (char) => spelledBytes.get(char) ?? 0x3f);
}
