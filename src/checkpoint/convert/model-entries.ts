import { existsSync } from "node:fs";
import { join } from "node:path";
import type { GgufEntries, GgufEntry } from "../gguf-write.ts";
import {
  badConfig,
  isObject,
  readJson,
  type JsonObject,
  type ModelConfig,
} from "./model-config.ts";
import type { ModelTensor } from "./model-tensors.ts";
import { outputTypes, type OutputType } from "./tensor-types.ts";

type Entry = readonly [string, GgufEntry];

const u32 = (value: number): GgufEntry => ({ type: "u32", value });
const f32 = (value: number): GgufEntry => ({ type: "f32", value });
const text = (value: string): GgufEntry => ({ type: "string", value });

export interface ModelDescription {
  readonly folder: string;
  readonly name: string;
  readonly config: ModelConfig;
  readonly output: OutputType;
  readonly tensors: readonly ModelTensor[];
}

/** The `general.*` and `deepseek2.*` keys (k2-facts §4.2), in the order of llama.cpp's converter. */
export function modelEntries({
  folder,
  name,
  config,
  output,
  tensors,
}: ModelDescription): GgufEntries {
  return [
    ["general.architecture", text("deepseek2")],
    ["general.type", text("model")],
    ...samplingEntries(folder),
    ["general.name", text(name)],
    ["general.size_label", text(sizeLabel(tensors))],
    ...architectureEntries(config).map(([key, entry]): Entry => [`deepseek2.${key}`, entry]),
    ["general.file_type", u32(outputTypes[output].fileType)],
    ["general.quantization_version", u32(2)],
  ];
}

const samplingKeys = [
  ["top_k", "top_k", "i32"],
  ["top_p", "top_p", "f32"],
  ["min_p", "min_p", "f32"],
  ["temperature", "temp", "f32"],
  ["repetition_penalty", "penalty_repeat", "f32"],
] as const;

function samplingEntries(folder: string): Entry[] {
  const path = join(folder, "generation_config.json");
  const config = existsSync(path) ? readJson(path) : {};
  return samplingKeys.flatMap(([from, to, type]): Entry[] => {
    const value = config[from];
    return typeof value === "number" ? [[`general.sampling.${to}`, { type, value }]] : [];
  });
}

function architectureEntries(config: ModelConfig): Entry[] {
  const { json } = config;
  const optional = (key: string, from: string, of: (value: number) => GgufEntry): Entry[] => {
    const value = json[from];
    return typeof value === "number" ? [[key, of(value)]] : [];
  };
  return [
    ["block_count", u32(config.layers)],
    ...optional("context_length", "max_position_embeddings", u32),
    ["embedding_length", u32(config.hiddenSize)],
    ["feed_forward_length", u32(config.intermediateSize)],
    ["attention.head_count", u32(config.heads)],
    ["attention.head_count_kv", u32(1)], // with absorbed projections all heads share one key and value
    ...ropeEntries(json),
    ["attention.layer_norm_rms_epsilon", f32(numberOr(json["rms_norm_eps"], 1e-6))],
    ...(config.experts > 0 ? [["expert_count", u32(config.experts)] as const] : []),
    ...optional("expert_used_count", "num_experts_per_tok", u32),
    ...optional("expert_group_count", "n_group", u32),
    ...optional("expert_group_used_count", "topk_group", u32),
    ...gatingEntries(json["scoring_func"]),
    ["leading_dense_block_count", u32(config.denseLayers)],
    ["vocab_size", u32(config.vocabularySize)],
    ...(config.queryRank === undefined
      ? []
      : [["attention.q_lora_rank", u32(config.queryRank)] as const]),
    ["attention.kv_lora_rank", u32(config.keyValueRank)],
    ["attention.key_length", u32(config.keyValueRank + config.ropeSize)],
    ["attention.value_length", u32(config.keyValueRank)],
    ["attention.key_length_mla", u32(config.nopeSize + config.ropeSize)],
    ["attention.value_length_mla", u32(config.valueSize)],
    ["expert_feed_forward_length", u32(config.expertSize)],
    ["expert_shared_count", u32(config.sharedExperts)],
    ...optional("expert_weights_scale", "routed_scaling_factor", f32),
    ...(json["norm_topk_prob"] === true
      ? [["expert_weights_norm", { type: "bool", value: true }] as const]
      : []),
    ["rope.dimension_count", u32(config.ropeSize)],
    ...logMultiplierEntries(json),
  ];
}

function gatingEntries(scoring: unknown): Entry[] {
  if (scoring === undefined) return [];
  if (scoring === "softmax") return [["expert_gating_func", u32(1)]];
  if (scoring === "sigmoid") return [["expert_gating_func", u32(2)]];
  throw badConfig("config.json", `its scoring_func ${JSON.stringify(scoring)} is not known`);
}

function ropeParameters(json: JsonObject): JsonObject {
  const parameters = json["rope_parameters"] ?? json["rope_scaling"];
  return isObject(parameters) ? parameters : {};
}

function ropeEntries(json: JsonObject): Entry[] {
  const rope = ropeParameters(json);
  const type = rope["rope_type"] ?? rope["type"];
  const base = rope["rope_theta"] ?? json["rope_theta"];
  const of = (key: string, value: unknown): Entry[] =>
    typeof value === "number" ? [[key, f32(value)]] : [];
  const original = rope["original_max_position_embeddings"];
  if (type !== undefined && type !== "yarn" && type !== "linear" && type !== "default")
    throw badConfig("config.json", `its rope_scaling ${JSON.stringify(type)} is not known`);
  const isScaled = type === "yarn" || type === "linear";
  return [
    ...(isScaled ? [["rope.scaling.type", text(type)] as const] : []),
    ...(isScaled ? of("rope.scaling.factor", rope["factor"]) : []),
    ...(type === "yarn" && typeof original === "number"
      ? [["rope.scaling.original_context_length", u32(original)] as const]
      : []),
    ...(type === "yarn"
      ? [
          ...of("rope.scaling.yarn_beta_fast", rope["beta_fast"]),
          ...of("rope.scaling.yarn_beta_slow", rope["beta_slow"]),
        ]
      : []),
    ...of("rope.freq_base", base),
  ];
}

/** llama.cpp's loader divides it by 0.1 (k2-facts §4.2). */
function logMultiplierEntries(json: JsonObject): Entry[] {
  const scale = ropeParameters(json)["mscale_all_dim"];
  return typeof scale === "number" ? [["rope.scaling.yarn_log_multiplier", f32(0.1 * scale)]] : [];
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}

/** gguf-py's label: `384x15B` is the experts and how large the model would be with one of each. */
function sizeLabel(tensors: readonly ModelTensor[]): string {
  let shared = 0;
  let ofOneExpert = 0;
  let experts = 0;
  for (const { name, dimensions } of tensors) {
    const [columns = 1, rows = 1, depth = 1] = dimensions;
    if (name.includes("_exps.")) {
      ofOneExpert += columns * rows;
      experts = depth;
    } else shared += columns * rows * depth;
  }
  const size = rounded(shared + ofOneExpert);
  return experts > 0 ? `${experts}x${size}` : size;
}

function rounded(parameters: number): string {
  const [scale, unit] =
    parameters > 1e12
      ? [1e12, "T"]
      : parameters > 1e9
        ? [1e9, "B"]
        : parameters > 1e6
          ? [1e6, "M"]
          : [1e3, "K"];
  const scaled = parameters / scale;
  const digits = String(Math.round(scaled)).replace(/^0+/, "").length;
  return `${scaled.toFixed(Math.max(2 - digits, 0))}${unit}`;
}
