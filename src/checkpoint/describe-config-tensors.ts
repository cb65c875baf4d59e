/** The tensors that a checkpoint of a configuration has, for when its weights are not at hand. */
import type { Architecture } from "./architecture.ts";
import { languageConfig } from "./describe-config.ts";
import type { TensorHead, JsonObject } from "./checkpoint-head.ts";

type Scheme = "fp8" | "int4" | "none";

/**
 * Names, shapes and types as Moonshot's checkpoints have them (k2-facts §1.2, §1.3). The routed experts of
 * a layer are three tensors with a count. Empty for what is not of DeepSeek's architecture.
 */
export function tensorsOfConfig(config: JsonObject, architecture: Architecture): TensorHead[] {
  if (architecture.llamaName !== "deepseek2" || architecture.attention.type !== "mla") return [];
  const scheme = schemeOf(config);
  const { hidden, vocabulary, layers, tiedEmbeddings } = architecture;
  return [
    plain("model.embed_tokens.weight", [vocabulary, hidden]),
    ...Array.from({ length: layers }, (_, layer) =>
      layerTensors(architecture, layer, scheme),
    ).flat(),
    plain("model.norm.weight", [hidden]),
    ...(tiedEmbeddings ? [] : [plain("lm_head.weight", [vocabulary, hidden])]),
  ];
}

/** How the weights of a `config.json` are quantised. */
export function schemeOf(outer: JsonObject): Scheme {
  const config = languageConfig(outer);
  const quantisation = config["quantization_config"] as JsonObject | undefined;
  if (quantisation?.["quant_method"] === "fp8") return "fp8";
  return quantisation?.["quant_method"] === "compressed-tensors" ? "int4" : "none";
}

function layerTensors(architecture: Architecture, layer: number, scheme: Scheme): TensorHead[] {
  const { hidden, experts, denseLayers, denseFeedForward } = architecture;
  const prefix = `model.layers.${layer}`;
  const own = scheme === "int4" ? "none" : scheme; // K2-Thinking quantises the routed experts only
  const norms = ["input_layernorm", "post_attention_layernorm"].map((name) =>
    plain(`${prefix}.${name}.weight`, [hidden]),
  );
  const common = [...norms, ...attentionTensors(architecture, `${prefix}.self_attn`, own)];
  if (!experts || layer < denseLayers)
    return [
      ...common,
      ...feedForward(`${prefix}.mlp`, { hidden, size: denseFeedForward, scheme: own }),
    ];
  const { count, shared, feedForward: size } = experts;
  return [
    ...common,
    plain(`${prefix}.mlp.gate.weight`, [count, hidden]),
    tensor(`${prefix}.mlp.gate.e_score_correction_bias`, [count], "F32"),
    ...feedForward(`${prefix}.mlp.experts.*`, { hidden, size, scheme, count }),
    ...(shared > 0
      ? feedForward(`${prefix}.mlp.shared_experts`, { hidden, size: size * shared, scheme: own })
      : []),
  ];
}

function attentionTensors(
  { attention, hidden, heads }: Architecture,
  prefix: string,
  scheme: Scheme,
): TensorHead[] {
  if (attention.type !== "mla") return [];
  const { qLoraRank, kvLoraRank, nopeHeadSize, ropeHeadSize, valueHeadSize } = attention;
  const queries = heads * (nopeHeadSize + ropeHeadSize);
  const linear = (name: string, shape: readonly number[]): TensorHead[] =>
    quantised(`${prefix}.${name}`, shape, { scheme });
  const q =
    qLoraRank === undefined
      ? linear("q_proj", [queries, hidden])
      : [
          ...linear("q_a_proj", [qLoraRank, hidden]),
          plain(`${prefix}.q_a_layernorm.weight`, [qLoraRank]),
          ...linear("q_b_proj", [queries, qLoraRank]),
        ];
  return [
    ...q,
    ...linear("kv_a_proj_with_mqa", [kvLoraRank + ropeHeadSize, hidden]),
    plain(`${prefix}.kv_a_layernorm.weight`, [kvLoraRank]),
    ...linear("kv_b_proj", [heads * (nopeHeadSize + valueHeadSize), kvLoraRank]),
    ...linear("o_proj", [hidden, heads * valueHeadSize]),
  ];
}

interface FeedForward {
  readonly hidden: number;
  readonly size: number;
  readonly scheme: Scheme;
  readonly count?: number;
}

function feedForward(prefix: string, { hidden, size, ...how }: FeedForward): TensorHead[] {
  return [
    ...quantised(`${prefix}.gate_proj`, [size, hidden], how),
    ...quantised(`${prefix}.up_proj`, [size, hidden], how),
    ...quantised(`${prefix}.down_proj`, [hidden, size], how),
  ];
}

/** Values in a block that shares a scale: 128 by 128 for FP8, 32 of a row for INT4. */
const fp8Block = 128;
const int4Group = 32;

function quantised(
  name: string,
  shape: readonly number[],
  { scheme, count = 1 }: { readonly scheme: Scheme; readonly count?: number },
): TensorHead[] {
  const [rows = 0, columns = 0] = shape;
  if (scheme === "none") return [tensor(`${name}.weight`, shape, "BF16", count)];
  if (scheme === "fp8") {
    const scale = [Math.ceil(rows / fp8Block), Math.ceil(columns / fp8Block)];
    return [
      tensor(`${name}.weight`, shape, "F8_E4M3", count),
      tensor(`${name}.weight_scale_inv`, scale, "F32", count),
    ];
  }
  return [
    tensor(`${name}.weight_packed`, [rows, columns / 8], "I32", count),
    tensor(`${name}.weight_scale`, [rows, columns / int4Group], "BF16", count),
    tensor(`${name}.weight_shape`, [2], "I32", count),
  ];
}

const bytesOf: Readonly<Record<string, number>> = { F8_E4M3: 1, BF16: 2, F32: 4, I32: 4 };

function tensor(name: string, shape: readonly number[], type: string, count = 1): TensorHead {
  const sizeBytes = shape.reduce((product, size) => product * size, bytesOf[type] ?? 0);
  return { name, shape, type, sizeBytes, count };
}

function plain(name: string, shape: readonly number[]): TensorHead {
  return tensor(name, shape, "BF16");
}
