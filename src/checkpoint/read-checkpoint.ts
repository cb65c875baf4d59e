import { createHash } from "node:crypto";
import { KimiError, messageOf } from "../errors.ts";
import { shardNames, type CheckpointFiles } from "./checkpoint-files.ts";
import type {
  CheckpointHead,
  TensorHead,
  JsonObject,
  TokenizerFile,
  WeightFile,
} from "./checkpoint-head.ts";
import { ggufTensors, readGgufPieces } from "./read-gguf-head.ts";
import { readSafetensorsPieces } from "./read-safetensors-head.ts";

const indexFile = "model.safetensors.index.json";
/** Files other than weights are read whole; none of a model's comes near this, bytes. */
const largestText = 64 << 20;
const headersAtOnce = 8;

/**
 * Reads the heads of a model's files, whatever its format, and no weight.
 * @throws KimiError for files that are no model, damaged, or several models.
 */
export async function readCheckpoint(files: CheckpointFiles): Promise<CheckpointHead> {
  const named = (end: string): string[] => files.names.filter((name) => name.endsWith(end));
  if (named(".gguf").length > 0) return readGgufCheckpoint(files, named(".gguf"));
  if (named(".safetensors").length > 0 || files.names.includes(indexFile))
    return readFolder(files, "safetensors");
  if (named("config.json").length > 0) return readFolder(files, "config");
  throw new KimiError(`${files.location} is no model`, {
    code: "bad-model-file",
    hint: "A model is a .gguf file, a .safetensors file, or a folder with config.json.",
  });
}

async function readGgufCheckpoint(
  files: CheckpointFiles,
  present: readonly string[],
): Promise<CheckpointHead> {
  const [first = ""] = present;
  const expected = shardNames(first);
  const others = present.filter((name) => !expected.includes(name));
  if (others.length > 0) {
    throw new KimiError(`${files.location} has several models: ${first}, ${others[0]}`, {
      code: "usage",
      exitCode: 2,
      hint: "Name one of the files.",
    });
  }
  const there = expected.filter((name) => present.includes(name));
  const heads = await mapSome(there, (name) => readGgufPieces(files, name));
  const template = heads[0]?.metadata.get("tokenizer.chat_template");
  return {
    ...nothingElse,
    location: files.location,
    format: "gguf",
    files: heads.map(({ sizeBytes }, index) => ({ name: there[index] ?? "", sizeBytes })),
    missingFiles: expected.filter((name) => !there.includes(name)),
    tensors: heads.flatMap(ggufTensors),
    metadata: heads[0]?.metadata ?? new Map(),
    template: typeof template === "string" ? template : undefined,
  };
}

const nothingElse = {
  missingTensors: [],
  metadata: new Map(),
  config: undefined,
  generationConfig: undefined,
  tokenizerConfig: undefined,
  tokenizerFile: undefined,
  template: undefined,
} as const;

async function readFolder(
  files: CheckpointFiles,
  format: "safetensors" | "config",
): Promise<CheckpointHead> {
  const configName =
    files.names.find((name) => name === "config.json") ??
    (format === "config" ? files.names.find((name) => name.endsWith("config.json")) : undefined);
  const json = (name: string): Promise<JsonObject | undefined> => readJson(files, name);
  const tokenizerConfig = await json("tokenizer_config.json");
  const template = files.names.includes("chat_template.jinja")
    ? (await readWhole(files, "chat_template.jinja")).toString("utf8")
    : namedTemplate(tokenizerConfig?.["chat_template"]);
  return {
    ...nothingElse,
    ...(await readWeights(files)),
    location: files.location,
    format,
    config: configName === undefined ? undefined : await json(configName),
    generationConfig: await json("generation_config.json"),
    tokenizerConfig,
    tokenizerFile: await readTokenizer(files),
    template: typeof template === "string" ? template : undefined,
  };
}

/** Some files have several templates, each with a name. */
function namedTemplate(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const list = value as readonly { readonly name?: unknown; readonly template?: unknown }[];
  return (list.find(({ name }) => name === "default") ?? list[0])?.template;
}

interface Weights {
  readonly files: readonly WeightFile[];
  readonly missingFiles: readonly string[];
  readonly missingTensors: readonly string[];
  readonly tensors: readonly TensorHead[];
}

async function readWeights(files: CheckpointFiles): Promise<Weights> {
  const index = (await readJson(files, indexFile))?.["weight_map"] as
    | Readonly<Record<string, string>>
    | undefined;
  const expected = index
    ? [...new Set(Object.values(index))].sort()
    : files.names.filter((name) => /^[^/]*\.safetensors$/.test(name));
  const there = expected.filter((name) => files.names.includes(name));
  const missingFiles = expected.filter((name) => !files.names.includes(name));
  const tensors = (await mapSome(there, (name) => readSafetensorsPieces(files, name))).flat();
  const names = new Set(tensors.map(({ name }) => name));
  return {
    files: await mapSome(there, async (name) => ({ name, sizeBytes: await files.sizeOf(name) })),
    missingFiles,
    missingTensors: Object.entries(index ?? {})
      .filter(([name, file]) => !names.has(name) && !missingFiles.includes(file))
      .map(([name]) => name),
    tensors,
  };
}

async function readTokenizer(files: CheckpointFiles): Promise<TokenizerFile | undefined> {
  const name = ["tiktoken.model", "tokenizer.json"].find((name) => files.names.includes(name));
  if (name === undefined) return undefined;
  const bytes = await readWhole(files, name);
  const lines =
    name === "tiktoken.model" ? bytes.toString("latin1").split("\n").filter(Boolean) : [];
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { name, sizeBytes: bytes.length, sha256, ranks: lines.length };
}

/** `undefined` for a file that is not there. */
async function readJson(files: CheckpointFiles, name: string): Promise<JsonObject | undefined> {
  if (!files.names.includes(name)) return undefined;
  const text = (await readWhole(files, name)).toString("utf8");
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as JsonObject;
    throw new Error("it is no object");
  } catch (cause) {
    throw new KimiError(`${files.location}: ${name} is not valid JSON: ${messageOf(cause)}`, {
      code: "bad-model-file",
      hint: "Download or copy it again.",
      cause,
    });
  }
}

async function readWhole(files: CheckpointFiles, name: string): Promise<Buffer> {
  const size = await files.sizeOf(name);
  return files.read(name, 0, Math.min(size, largestText));
}

/** A few at a time, in order. */
async function mapSome<From, To>(
  list: readonly From[],
  map: (item: From) => Promise<To>,
): Promise<To[]> {
  const results: To[] = [];
  for (let at = 0; at < list.length; at += headersAtOnce)
    results.push(...(await Promise.all(list.slice(at, at + headersAtOnce).map(map))));
  return results;
}
