import { numberOf, textOf, type Architecture, type Attention } from "./architecture.ts";
import type { JsonObject } from "./checkpoint-head.ts";
import { llamaNameOf } from "./llama-architectures.ts";

/** A multimodal model's language model is nested (K2.5). */
export function languageConfig(config: JsonObject): JsonObject {
  const nested = config["text_config"];
  return typeof nested === "object" && nested !== null ? { ...config, ...nested } : config;
}

/** The architecture that a `config.json` describes. */
export function architectureOfConfig(outer: JsonObject): Architecture {
  const config = languageConfig(outer);
  const number = (key: string): number | undefined => numberOf(config[key]);
  const [name = "unknown"] = (outer["architectures"] ?? []) as readonly string[];
  const layers = number("num_hidden_layers") ?? 0;
  const experts =
    number("n_routed_experts") ?? number("num_experts") ?? number("num_local_experts") ?? 0;
  const scaling = (config["rope_scaling"] ?? {}) as JsonObject;
  const scale = (key: string): number | undefined => numberOf(scaling[key]);
  return {
    name,
    modelType: textOf(outer["model_type"]),
    llamaName: llamaNameOf(name),
    layers,
    hidden: number("hidden_size") ?? 0,
    heads: number("num_attention_heads") ?? 0,
    vocabulary: number("vocab_size") ?? 0,
    context: number("max_position_embeddings") ?? 0,
    denseFeedForward: number("intermediate_size") ?? 0,
    denseLayers: experts === 0 ? layers : (number("first_k_dense_replace") ?? 0),
    attention: attentionOfConfig(number),
    experts:
      experts === 0
        ? undefined
        : {
            count: experts,
            used: number("num_experts_per_tok") ?? number("num_experts_per_token") ?? 0,
            shared: number("n_shared_experts") ?? number("num_shared_experts") ?? 0,
            feedForward: number("moe_intermediate_size") ?? number("intermediate_size") ?? 0,
          },
    tiedEmbeddings: config["tie_word_embeddings"] === true,
    rope: {
      base: number("rope_theta") ?? 10_000,
      scaling: textOf(scaling["type"] ?? scaling["rope_type"]),
      factor: scale("factor"),
      originalContext: scale("original_max_position_embeddings"),
      betaFast: scale("beta_fast"),
      betaSlow: scale("beta_slow"),
    },
    rmsEpsilon: number("rms_norm_eps"),
  };
}

function attentionOfConfig(number: (key: string) => number | undefined): Attention {
  const kvLoraRank = number("kv_lora_rank");
  if (kvLoraRank === undefined) {
    const heads = number("num_attention_heads") ?? 0;
    const size = number("head_dim") ?? (number("hidden_size") ?? 0) / (heads || 1);
    const kvHeads = number("num_key_value_heads") ?? heads;
    return { type: "grouped", kvHeads, keyLength: size, valueLength: size };
  }
  return {
    type: "mla",
    qLoraRank: number("q_lora_rank"),
    kvLoraRank,
    nopeHeadSize: number("qk_nope_head_dim") ?? 0,
    ropeHeadSize: number("qk_rope_head_dim") ?? 0,
    valueHeadSize: number("v_head_dim") ?? 0,
    isUnsplit: false,
  };
}
