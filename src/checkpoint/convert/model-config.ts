import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodes, KimiError, messageOf } from "../../errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** How a checkpoint's weights are stored. */
export type WeightFormat =
  | { readonly type: "plain" }
  /** e4m3 with a scale for each block. */
  | { readonly type: "fp8"; readonly blockRows: number; readonly blockColumns: number }
  /** compressed-tensors' pack-quantized: 4 bits with a scale for each group of a row. */
  | { readonly type: "int4"; readonly groupSize: number };

/** What the converter needs of a DeepSeek-V2/V3 or Kimi K2 `config.json` (k2-facts §1.1). */
export interface ModelConfig {
  /** The whole file; of a multimodal model its text_config laid over it. */
  readonly json: JsonObject;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  /** `undefined` if queries are not compressed. */
  readonly queryRank: number | undefined;
  readonly keyValueRank: number;
  readonly nopeSize: number;
  readonly ropeSize: number;
  readonly valueSize: number;
  readonly vocabularySize: number;
  readonly intermediateSize: number;
  /** 0 for a model without experts. */
  readonly experts: number;
  readonly expertSize: number;
  readonly sharedExperts: number;
  /** Layers before the first with experts. */
  readonly denseLayers: number;
  readonly hasTiedEmbeddings: boolean;
  readonly weightFormat: WeightFormat;
}

const architectures = [
  "DeepseekV2ForCausalLM",
  "DeepseekV3ForCausalLM",
  "KimiK25ForConditionalGeneration",
];

/** @throws KimiError for a folder without a `config.json`, or one of another architecture. */
export function readModelConfig(folder: string): ModelConfig {
  const path = join(folder, "config.json");
  if (!existsSync(path)) {
    throw new KimiError(`${folder} is no checkpoint: it has no config.json`, {
      code: "no-checkpoint",
      exitCode: exitCodes.usage,
      hint: "Name the folder with config.json, tiktoken.model and the .safetensors files.",
    });
  }
  const whole = readJson(path);
  const inner = whole["text_config"];
  const json = isObject(inner) ? { ...whole, ...inner } : whole;
  const { architectures: own } = whole;
  const architecture = Array.isArray(own) ? (own[0] as unknown) : undefined;
  if (!architectures.includes(String(architecture))) {
    throw new KimiError(
      `${path} is of an architecture that can't be converted: ${String(architecture)}`,
      {
        code: "unsupported-checkpoint",
        hint: `Kimi K2 and DeepSeek-V3 can: ${architectures.join(", ")}.`,
      },
    );
  }
  return configOf(path, json);
}

function configOf(path: string, json: JsonObject): ModelConfig {
  const number = (key: string, fallback?: number): number => {
    const value = json[key] ?? fallback;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      throw badConfig(path, `${key} is ${JSON.stringify(value)}, not a count`);
    return value;
  };
  const layers = number("num_hidden_layers");
  const experts = number("n_routed_experts", 0);
  const intermediateSize = number("intermediate_size");
  const frequency = number("moe_layer_freq", 1);
  if (experts > 0 && frequency !== 1)
    throw badConfig(path, `moe_layer_freq is ${frequency}, which llama.cpp has no place for`);
  return {
    json,
    layers,
    hiddenSize: number("hidden_size"),
    heads: number("num_attention_heads"),
    queryRank: (json["q_lora_rank"] ?? null) === null ? undefined : number("q_lora_rank"),
    keyValueRank: number("kv_lora_rank", 512),
    nopeSize: number("qk_nope_head_dim"),
    ropeSize: number("qk_rope_head_dim"),
    valueSize: number("v_head_dim"),
    vocabularySize: number("vocab_size"),
    intermediateSize,
    experts,
    expertSize: number("moe_intermediate_size", intermediateSize),
    sharedExperts: number("n_shared_experts", 0),
    denseLayers: experts === 0 ? layers : number("first_k_dense_replace", 0),
    hasTiedEmbeddings: json["tie_word_embeddings"] === true,
    weightFormat: formatOf(path, json["quantization_config"]),
  };
}

/** Hugging Face's `quantization_config`: none, block FP8, or compressed-tensors' INT4. */
function formatOf(path: string, config: unknown): WeightFormat {
  if (!isObject(config)) return { type: "plain" };
  const method = config["quant_method"];
  if (method === "fp8") {
    const size = config["weight_block_size"];
    const [blockRows, blockColumns] = (Array.isArray(size) ? size : []) as unknown[];
    if (!isPositive(blockRows) || !isPositive(blockColumns))
      throw badConfig(path, "quantization_config has no weight_block_size");
    return { type: "fp8", blockRows, blockColumns };
  }
  const groups = isObject(config["config_groups"]) ? Object.values(config["config_groups"]) : [];
  const [group] = groups;
  const weights = isObject(group) && isObject(group["weights"]) ? group["weights"] : {};
  const { num_bits: bits, group_size: groupSize, symmetric, type } = weights;
  const isPacked = method === "compressed-tensors" && config["format"] === "pack-quantized";
  if (!isPacked || groups.length !== 1 || bits !== 4 || symmetric === false || type === "float") {
    throw new KimiError(`${path}: weights stored as ${JSON.stringify(method)} can't be converted`, {
      code: "unsupported-checkpoint",
      hint: "Block FP8, symmetric 4-bit pack-quantized, BF16, F16 and F32 can.",
    });
  }
  if (!isPositive(groupSize)) throw badConfig(path, "quantization_config has no group_size");
  return { type: "int4", groupSize };
}

function isPositive(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws KimiError for a file that can't be read or holds no JSON object. */
export function readJson(path: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw badConfig(path, messageOf(cause));
  }
  if (!isObject(value)) throw badConfig(path, "it is no JSON object");
  return value;
}

export function badConfig(path: string, what: string): KimiError {
  return new KimiError(`${path} can't be used: ${what}`, {
    code: "bad-checkpoint",
    hint: "Download it again from the model's page.",
  });
}
