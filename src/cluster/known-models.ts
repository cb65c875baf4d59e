/** Kimi K2's configurations, so that a plan needs neither the checkpoint nor the network (k2-facts §1.1, §1.2). */
import type { CheckpointHead, JsonObject } from "../checkpoint/checkpoint-head.ts";
import { describeModel, type ModelDescription } from "../checkpoint/describe-model.ts";

const instruct: JsonObject = {
  architectures: ["DeepseekV3ForCausalLM"],
  first_k_dense_replace: 1,
  hidden_size: 7168,
  intermediate_size: 18432,
  kv_lora_rank: 512,
  max_position_embeddings: 131_072,
  model_type: "kimi_k2",
  moe_intermediate_size: 2048,
  n_routed_experts: 384,
  n_shared_experts: 1,
  num_attention_heads: 64,
  num_experts_per_tok: 8,
  num_hidden_layers: 61,
  num_key_value_heads: 64,
  q_lora_rank: 1536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  quantization_config: { quant_method: "fp8", fmt: "e4m3", weight_block_size: [128, 128] },
  rms_norm_eps: 1e-6,
  rope_scaling: {
    type: "yarn",
    factor: 32,
    original_max_position_embeddings: 4096,
    beta_fast: 1,
    beta_slow: 1,
  },
  rope_theta: 50_000,
  tie_word_embeddings: false,
  v_head_dim: 128,
  vocab_size: 163_840,
};

const with256k: JsonObject = {
  ...instruct,
  max_position_embeddings: 262_144,
  rope_scaling: { ...(instruct["rope_scaling"] as JsonObject), factor: 64 },
};

const configurations: Readonly<Record<string, JsonObject>> = {
  "moonshotai/Kimi-K2-Instruct": instruct,
  "moonshotai/Kimi-K2-Instruct-0905": with256k,
  "moonshotai/Kimi-K2-Base": instruct,
  "moonshotai/Kimi-K2-Thinking": {
    ...with256k,
    quantization_config: {
      quant_method: "compressed-tensors",
      format: "pack-quantized",
    },
  },
};

export const knownModels: readonly string[] = Object.keys(configurations);

/** A checkpoint by its name on Hugging Face, or by a folder that is called so. `undefined` for any other. */
export function findKnownModel(reference: string): ModelDescription | undefined {
  const last = (text: string): string => (text.split("/").findLast(Boolean) ?? "").toLowerCase();
  const name = knownModels.find((known) => last(known) === last(reference));
  const config = name === undefined ? undefined : configurations[name];
  return name === undefined || !config ? undefined : describeModel(headOf(name, config));
}

function headOf(location: string, config: JsonObject): CheckpointHead {
  return {
    location,
    format: "config",
    files: [],
    missingFiles: [],
    missingTensors: [],
    tensors: [],
    metadata: new Map(),
    config: { ...config, _name_or_path: location },
    generationConfig: undefined,
    tokenizerConfig: undefined,
    tokenizerFile: undefined,
    template: undefined,
  };
}
