import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../errors.ts";
import type { GgufEntries, GgufEntry } from "../gguf-write.ts";
import {
  badConfig,
  isObject,
  readJson,
  type JsonObject,
  type ModelConfig,
} from "./model-config.ts";

/** llama.cpp's token types (llama.h, `llama_token_type`). */
const tokenTypes = { normal: 1, control: 3, unused: 5 } as const;

/**
 * The `tokenizer.ggml.*` keys from `tiktoken.model` and `tokenizer_config.json`, as llama.cpp's
 * conversion/deepseek.py writes them for `kimi-k2` (k2-facts §4.3): byte-to-unicode spellings, merges
 * computed from the ranks, every place after the ordinary tokens a control token.
 * @throws KimiError for a folder without `tiktoken.model`, or a file that is no vocabulary.
 */
export function tokenizerEntries(folder: string, config: ModelConfig): GgufEntries {
  const path = join(folder, "tiktoken.model");
  if (!existsSync(path))
    throw badConfig(path, "it is missing, and only its tokenizer is supported");
  const ordinary = readTokens(path);
  const settings = join(folder, "tokenizer_config.json");
  const tokenizerConfig = existsSync(settings) ? readJson(settings) : {};
  const control = controlNames(tokenizerConfig, ordinary.length);
  const { vocabularySize } = config;
  if (ordinary.length > vocabularySize) {
    const what = `it has ${ordinary.length} tokens, more than config.json's vocab_size ${vocabularySize}`;
    throw badConfig(path, what);
  }
  const ids = Array.from({ length: vocabularySize }, (_, id) => id);
  const isOrdinary = (id: number): boolean => id < ordinary.length;
  const typeOf = (id: number): number => {
    if (isOrdinary(id)) return tokenTypes.normal;
    return control.has(id) ? tokenTypes.control : tokenTypes.unused;
  };
  return [
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: "kimi-k2" }],
    [
      "tokenizer.ggml.tokens",
      {
        type: "string[]",
        value: ids.map((id) => spell(ordinary[id]) ?? control.get(id) ?? `[PAD${id}]`),
      },
    ],
    ["tokenizer.ggml.token_type", { type: "i32[]", value: ids.map(typeOf) }],
    ["tokenizer.ggml.merges", { type: "string[]", value: mergesOf(ordinary) }],
    ...specialEntries(config, tokenizerConfig, control),
    ...templateEntries(folder, tokenizerConfig),
  ];
}

/** Tokens as Latin-1 strings, a character for each byte; index, rank and id are one number. */
function readTokens(path: string): string[] {
  const tokens: string[] = [];
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (cause) {
    throw badConfig(path, messageOf(cause));
  }
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const [encoded = "", rank = ""] = line.trim().split(" ");
    if (!/^[A-Za-z0-9+/]+=*$/.test(encoded) || rank === "" || Number(rank) !== tokens.length)
      throw badConfig(
        path,
        `line ${index + 1} is not a token in base64 and its rank ${tokens.length}`,
      );
    tokens.push(Buffer.from(encoded, "base64").toString("latin1"));
  }
  return tokens;
}

/** Names of the 256 places after the ordinary tokens; those without one are reserved (tokenization_kimi.py). */
function controlNames(tokenizerConfig: JsonObject, ordinaryTokens: number): Map<number, string> {
  const names = new Map<number, string>();
  for (let id = ordinaryTokens; id < ordinaryTokens + 256; id++)
    names.set(id, `<|reserved_token_${id}|>`);
  const added = tokenizerConfig["added_tokens_decoder"];
  for (const [id, token] of Object.entries(isObject(added) ? added : {})) {
    if (isObject(token) && typeof token["content"] === "string" && Number(id) >= ordinaryTokens)
      names.set(Number(id), token["content"]);
  }
  return names;
}

/** Byte-to-unicode (GPT-2's table): printable Latin-1 stands for itself, other bytes from U+0100 on. */
const byteSpellings: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(isPrintable ? byte : next++);
  });
})();

function spell(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  let spelled = "";
  for (let i = 0; i < token.length; i++) spelled += byteSpellings[token.charCodeAt(i)];
  return spelled;
}

/** For each token the two that merge into it last; none for one that no merges lead to. */
function mergesOf(tokens: readonly string[]): string[] {
  const ranks = new Map(tokens.map((token, rank) => [token, rank]));
  const merges: string[] = [];
  for (const [rank, token] of tokens.entries()) {
    if (token.length === 1) continue;
    const parts = partsBelow(token, rank, ranks);
    if (parts.length === 2) merges.push(parts.map((part) => spell(part)).join(" "));
  }
  return merges;
}

/** A token merged with all ranks below its own. */
function partsBelow(token: string, limit: number, ranks: ReadonlyMap<string, number>): string[] {
  const parts = [...token];
  while (parts.length > 2) {
    let best = limit;
    let at = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ranks.get(`${parts[i]}${parts[i + 1]}`);
      if (rank !== undefined && rank < best) {
        best = rank;
        at = i;
      }
    }
    if (at < 0) break;
    parts.splice(at, 2, `${parts[at]}${parts[at + 1]}`);
  }
  return parts;
}

const kinds = [
  ["bos", "bos"],
  ["eos", "eos"],
  ["unk", "unknown"],
  ["sep", "seperator"], // so spelled in GGUF
  ["pad", "padding"],
  ["cls", "cls"],
  ["mask", "mask"],
] as const;

/** As gguf-py's SpecialVocab: the name in tokenizer_config.json, else the id in config.json. */
function specialEntries(
  { json }: ModelConfig,
  tokenizerConfig: JsonObject,
  control: ReadonlyMap<number, string>,
): (readonly [string, GgufEntry])[] {
  const idOf = (kind: string): unknown => {
    const token = tokenizerConfig[`${kind}_token`];
    const name = isObject(token) ? token["content"] : token;
    const named = [...control].find(([, content]) => content === name)?.[0];
    return named ?? json[`${kind}_token_id`];
  };
  const entries = kinds.flatMap(([kind, key]): (readonly [string, GgufEntry])[] => {
    const id = idOf(kind);
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) return [];
    return [[`tokenizer.ggml.${key}_token_id`, { type: "u32", value: id }]];
  });
  const isBosAdded = tokenizerConfig["add_bos_token"] === true;
  return [...entries, ["tokenizer.ggml.add_bos_token", { type: "bool", value: isBosAdded }]];
}

/** The template of tokenizer_config.json, else that of the file of its own. */
function templateEntries(folder: string, tokenizerConfig: JsonObject): GgufEntries {
  const own = tokenizerConfig["chat_template"];
  const file = join(folder, "chat_template.jinja");
  const separate = existsSync(file) ? readFileSync(file, "utf8") : undefined;
  const template = typeof own === "string" ? own : separate;
  if (template === undefined) return [];
  return [["tokenizer.chat_template", { type: "string", value: template }]];
}
