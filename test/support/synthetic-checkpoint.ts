/** Checkpoints, mostly tiny, as Moonshot and DeepSeek lay them out, with made-up weights that are the same every time. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  makeTensors,
  ordinaryTokens,
  sizesOf,
  type StoredTensor,
  type SyntheticModel,
} from "./synthetic-tensors.ts";

/** Writes a checkpoint into a folder, and returns its tensors. */
export function writeCheckpoint(folder: string, model: SyntheticModel): StoredTensor[] {
  const tensors: StoredTensor[] = [];
  makeTensors(model, (tensor) => tensors.push(tensor));
  writeSettings(folder, model);
  writeShards(folder, tensors, model.shards ?? 2);
  return tensors;
}

/** Writes a checkpoint larger than the memory should hold: shards of about so many bytes, one after another. */
export function writeLargeCheckpoint(
  folder: string,
  model: SyntheticModel,
  shardBytes: number,
): void {
  writeSettings(folder, model);
  const shards: string[][] = [];
  let held: StoredTensor[] = [];
  const path = (shard: number): string => join(folder, `shard-${shard}`);
  const flush = (): void => {
    shards.push(held.map(({ name }) => name));
    writeFileSync(path(shards.length), safetensors(held));
    held = [];
  };
  let heldBytes = 0;
  makeTensors(model, (tensor) => {
    held.push(tensor);
    heldBytes += tensor.data.length;
    if (heldBytes < shardBytes) return;
    flush();
    heldBytes = 0;
  });
  if (held.length > 0) flush();
  const weightMap: Record<string, string> = {};
  for (const [index, names] of shards.entries()) {
    const name = shardName(index + 1, shards.length);
    renameSync(path(index + 1), join(folder, name));
    for (const tensor of names) weightMap[tensor] = name;
  }
  writeIndex(folder, weightMap);
}

function writeSettings(folder: string, model: SyntheticModel): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(configOf(model)));
  writeFileSync(
    join(folder, "generation_config.json"),
    JSON.stringify({ temperature: 0.6, top_p: 0.95, do_sample: true }),
  );
  writeTokenizer(folder);
}

function writeTokenizer(folder: string): void {
  const bytes = Array.from({ length: 256 }, (_, byte) => Buffer.from([byte]));
  const tokens = [...bytes, ...["th", "he", "the", " the"].map((text) => Buffer.from(text))];
  const lines = tokens.map((token, rank) => `${token.toString("base64")} ${rank}\n`);
  writeFileSync(join(folder, "tiktoken.model"), lines.join(""));
  const special = ["[BOS]", "[EOS]", "<|im_end|>"].map(
    (content, place) => [String(ordinaryTokens + place), { content }] as const,
  );
  const config = {
    added_tokens_decoder: Object.fromEntries(special),
    bos_token: "[BOS]",
    eos_token: "[EOS]",
    chat_template: "{{ messages }}",
  };
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(config));
}

export function writeShards(
  folder: string,
  tensors: readonly StoredTensor[],
  shards: number,
): void {
  if (shards === 1) {
    writeFileSync(join(folder, "model.safetensors"), safetensors(tensors));
    return;
  }
  const perShard = Math.ceil(tensors.length / shards);
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const own = tensors.slice(shard * perShard, (shard + 1) * perShard);
    const name = shardName(shard + 1, shards);
    writeFileSync(join(folder, name), safetensors(own));
    for (const tensor of own) weightMap[tensor.name] = name;
  }
  writeIndex(folder, weightMap);
}

function shardName(shard: number, of: number): string {
  const number = (value: number, digits: number): string => String(value).padStart(digits, "0");
  return `model-${number(shard, 5)}-of-${number(of, 6)}.safetensors`;
}

function writeIndex(folder: string, weightMap: Readonly<Record<string, string>>): void {
  writeFileSync(
    join(folder, "model.safetensors.index.json"),
    JSON.stringify({ metadata: {}, weight_map: weightMap }),
  );
}

export function safetensors(tensors: readonly StoredTensor[]): Buffer {
  let offset = 0;
  const head = tensors.map(({ name, dtype, shape, data }) => {
    const from = offset;
    offset += data.length;
    return [name, { dtype, shape, data_offsets: [from, offset] }] as const;
  });
  return withHead(JSON.stringify(Object.fromEntries(head)), tensors);
}

/** A file with any head, good or not. */
export function withHead(head: string, tensors: readonly StoredTensor[]): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(head)));
  return Buffer.concat([length, Buffer.from(head), ...tensors.map(({ data }) => data)]);
}

function configOf(model: SyntheticModel): Record<string, unknown> {
  const sizes = sizesOf(model);
  return {
    architectures: ["DeepseekV3ForCausalLM"],
    model_type: "kimi_k2",
    hidden_size: sizes.hiddenSize,
    num_hidden_layers: sizes.layers,
    first_k_dense_replace: sizes.denseLayers,
    intermediate_size: sizes.intermediateSize,
    moe_intermediate_size: sizes.expertSize,
    moe_layer_freq: 1,
    n_routed_experts: sizes.experts,
    num_experts_per_tok: 2,
    n_shared_experts: 1,
    n_group: 1,
    topk_group: 1,
    scoring_func: "sigmoid",
    norm_topk_prob: true,
    routed_scaling_factor: 2.5,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.heads,
    q_lora_rank: sizes.queryRank,
    kv_lora_rank: sizes.keyValueRank,
    qk_nope_head_dim: sizes.nopeSize,
    qk_rope_head_dim: sizes.ropeSize,
    v_head_dim: sizes.valueSize,
    rms_norm_eps: 1e-6,
    rope_theta: 50_000,
    max_position_embeddings: 4_096,
    rope_scaling: {
      type: "yarn",
      factor: 2,
      original_max_position_embeddings: 2_048,
      beta_fast: 1,
      beta_slow: 1,
      mscale: 1,
      mscale_all_dim: 1,
    },
    vocab_size: sizes.vocabularySize,
    tie_word_embeddings: false,
    bos_token_id: ordinaryTokens,
    eos_token_id: ordinaryTokens + 1,
    ...(model.format === "fp8" ? { quantization_config: fp8Config } : {}),
    ...(model.format === "int4" ? { quantization_config: int4Config } : {}),
    ...model.config,
  };
}

const fp8Config = { quant_method: "fp8", fmt: "e4m3", weight_block_size: [128, 128] };
const int4Config = {
  quant_method: "compressed-tensors",
  format: "pack-quantized",
  config_groups: {
    group_0: {
      weights: { num_bits: 4, type: "int", group_size: 32, strategy: "group", symmetric: true },
    },
  },
};
