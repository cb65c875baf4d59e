/** Tiny checkpoints as Moonshot and DeepSeek lay them out, with made-up weights that are the same every time. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SyntheticModel {
  readonly format: "bf16" | "f16" | "f32" | "fp8" | "int4";
  readonly layers?: number;
  readonly denseLayers?: number;
  readonly hiddenSize?: number;
  readonly intermediateSize?: number;
  readonly experts?: number;
  readonly expertSize?: number;
  readonly heads?: number;
  readonly queryRank?: number | null;
  readonly keyValueRank?: number;
  readonly shards?: number;
  /** Laid over config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Before every tensor's name. */
  readonly prefix?: string;
}

export interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Repeatable numbers from 0 to 1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const nopeSize = 32;
const ropeSize = 16;
const valueSize = 32;
const ordinaryTokens = 260;
const vocabularySize = ordinaryTokens + 256 + 4;

/** Writes a checkpoint into a folder, and returns its tensors. */
export function writeCheckpoint(folder: string, model: SyntheticModel): StoredTensor[] {
  const tensors = tensorsOf(model);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(configOf(model)));
  writeFileSync(
    join(folder, "generation_config.json"),
    JSON.stringify({ temperature: 0.6, top_p: 0.95, do_sample: true }),
  );
  writeTokenizer(folder);
  writeShards(folder, tensors, model.shards ?? 2);
  return tensors;
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
    const number = (value: number, digits: number): string => String(value).padStart(digits, "0");
    const name = `model-${number(shard + 1, 5)}-of-${number(shards, 6)}.safetensors`;
    writeFileSync(join(folder, name), safetensors(own));
    for (const tensor of own) weightMap[tensor.name] = name;
  }
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

function sizesOf(model: SyntheticModel) {
  return {
    layers: 3,
    denseLayers: 1,
    hiddenSize: 160,
    intermediateSize: 288,
    experts: 4,
    expertSize: 96,
    heads: 3,
    queryRank: 64 as number | null,
    keyValueRank: 128,
    ...model,
  };
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
    qk_nope_head_dim: nopeSize,
    qk_rope_head_dim: ropeSize,
    v_head_dim: valueSize,
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
    vocab_size: vocabularySize,
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

function tensorsOf(model: SyntheticModel): StoredTensor[] {
  const sizes = sizesOf(model);
  const { hiddenSize: width, heads, keyValueRank, queryRank } = sizes;
  const random = randomNumbers(7);
  const tensors: StoredTensor[] = [];
  const prefix = model.prefix ?? "";
  const plain = (name: string, ...shape: number[]): void => {
    const format = model.format === "f32" || model.format === "f16" ? model.format : "bf16";
    tensors.push(plainTensor({ name: prefix + name, shape, format, random }));
  };
  const weight = (name: string, rows: number, columns: number): void => {
    if (model.format === "fp8")
      tensors.push(...fp8Tensors({ name: prefix + name, rows, columns, random }));
    else if (model.format === "int4" && name.includes(".experts."))
      tensors.push(...int4Tensors({ name: prefix + name, rows, columns, random }));
    else plain(name, rows, columns);
  };
  const gated = (name: string, size: number): void => {
    weight(`${name}.down_proj.weight`, width, size);
    weight(`${name}.gate_proj.weight`, size, width);
    weight(`${name}.up_proj.weight`, size, width);
  };
  plain("model.embed_tokens.weight", vocabularySize, width);
  for (let layer = 0; layer < sizes.layers; layer++) {
    const name = `model.layers.${layer}`;
    plain(`${name}.input_layernorm.weight`, width);
    plain(`${name}.post_attention_layernorm.weight`, width);
    const querySize = heads * (nopeSize + ropeSize);
    if (queryRank === null) weight(`${name}.self_attn.q_proj.weight`, querySize, width);
    else {
      weight(`${name}.self_attn.q_a_proj.weight`, queryRank, width);
      plain(`${name}.self_attn.q_a_layernorm.weight`, queryRank);
      weight(`${name}.self_attn.q_b_proj.weight`, querySize, queryRank);
    }
    weight(`${name}.self_attn.kv_a_proj_with_mqa.weight`, keyValueRank + ropeSize, width);
    plain(`${name}.self_attn.kv_a_layernorm.weight`, keyValueRank);
    weight(`${name}.self_attn.kv_b_proj.weight`, heads * (nopeSize + valueSize), keyValueRank);
    weight(`${name}.self_attn.o_proj.weight`, width, heads * valueSize);
    if (layer < sizes.denseLayers) {
      gated(`${name}.mlp`, sizes.intermediateSize);
      continue;
    }
    plain(`${name}.mlp.gate.weight`, sizes.experts, width);
    plain(`${name}.mlp.gate.e_score_correction_bias`, sizes.experts);
    for (let expert = 0; expert < sizes.experts; expert++)
      gated(`${name}.mlp.experts.${expert}`, sizes.expertSize);
    gated(`${name}.mlp.shared_experts`, sizes.expertSize);
  }
  plain("model.norm.weight", width);
  plain("lm_head.weight", vocabularySize, width);
  return tensors;
}

interface Made {
  readonly name: string;
  readonly random: () => number;
}

function plainTensor({
  name,
  shape,
  format,
  random,
}: Made & { shape: readonly number[]; format: "bf16" | "f16" | "f32" }): StoredTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const size = format === "f32" ? 4 : 2;
  const data = Buffer.alloc(count * size);
  for (let i = 0; i < count; i++) {
    const value = random() * 2 - 1;
    if (format === "f32") data.writeFloatLE(value, 4 * i);
    // Any bits but those of infinities and NaN: the sign, an exponent below the highest, a mantissa.
    else if (format === "f16")
      data.writeUInt16LE(Math.floor(random() * 0x7000) | (value < 0 ? 0x8000 : 0), 2 * i);
    else {
      const f32 = Buffer.alloc(4);
      f32.writeFloatLE(value);
      data.writeUInt16LE(f32.readUInt16LE(2), 2 * i);
    }
  }
  return { name, dtype: format.toUpperCase(), shape, data };
}

function fp8Tensors({
  name,
  rows,
  columns,
  random,
}: Made & { rows: number; columns: number }): StoredTensor[] {
  const codes = Uint8Array.from({ length: rows * columns }, () => {
    const code = Math.floor(random() * 256);
    return (code & 0x7f) === 0x7f ? code - 1 : code;
  });
  const shape = [Math.ceil(rows / 128), Math.ceil(columns / 128)];
  const scales = Buffer.alloc(4 * (shape[0] ?? 0) * (shape[1] ?? 0));
  for (let i = 0; i < scales.length; i += 4) scales.writeFloatLE(0.0001 + random() / 1_000, i);
  return [
    { name, dtype: "F8_E4M3", shape: [rows, columns], data: codes },
    { name: `${name}_scale_inv`, dtype: "F32", shape, data: scales },
  ];
}

function int4Tensors({
  name,
  rows,
  columns,
  random,
}: Made & { rows: number; columns: number }): StoredTensor[] {
  const packed = Uint8Array.from({ length: rows * Math.ceil(columns / 8) * 4 }, () =>
    Math.floor(random() * 256),
  );
  const shape = Buffer.alloc(8);
  shape.writeInt32LE(rows, 0);
  shape.writeInt32LE(columns, 4);
  const scales = plainTensor({
    name: `${name}_scale`,
    shape: [rows, columns / 32],
    format: "bf16",
    random,
  });
  return [
    { name: `${name}_packed`, dtype: "I32", shape: [rows, Math.ceil(columns / 8)], data: packed },
    scales,
    { name: `${name}_shape`, dtype: "I32", shape: [2], data: shape },
  ];
}
