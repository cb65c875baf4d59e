/** Made-up tensors of a model, with the names and formats that Moonshot and DeepSeek give them. */

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
  readonly nopeSize?: number;
  readonly ropeSize?: number;
  readonly valueSize?: number;
  readonly vocabularySize?: number;
  /** The largest of the router's weights and biases; with 1 a wide model's experts are nearly always the same ones. */
  readonly routerScale?: number;
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

export const ordinaryTokens = 260;

export function sizesOf(model: SyntheticModel) {
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
    nopeSize: 32,
    ropeSize: 16,
    valueSize: 32,
    vocabularySize: ordinaryTokens + 256 + 4,
    ...model,
  };
}

/** Makes one tensor after another, in an order that is the same every time. */
export function makeTensors(model: SyntheticModel, add: (tensor: StoredTensor) => void): void {
  const sizes = sizesOf(model);
  const { hiddenSize: width, heads, keyValueRank, queryRank } = sizes;
  const { nopeSize, ropeSize, valueSize, vocabularySize } = sizes;
  const random = randomNumbers(7);
  const prefix = model.prefix ?? "";
  const plain = (name: string, ...shape: number[]): void => {
    const format = model.format === "f32" || model.format === "f16" ? model.format : "bf16";
    const scale = name.includes(".mlp.gate.") ? (model.routerScale ?? 1) : 1;
    add(plainTensor({ name: prefix + name, shape, format, random, scale }));
  };
  const weight = (name: string, rows: number, columns: number): void => {
    if (model.format === "fp8")
      fp8Tensors({ name: prefix + name, rows, columns, random }).forEach(add);
    else if (model.format === "int4" && name.includes(".experts."))
      int4Tensors({ name: prefix + name, rows, columns, random }).forEach(add);
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
}

interface Made {
  readonly name: string;
  readonly random: () => number;
}

interface PlainTensor extends Made {
  readonly shape: readonly number[];
  readonly format: "bf16" | "f16" | "f32";
  readonly scale?: number;
}

function plainTensor({ name, shape, format, random, scale = 1 }: PlainTensor): StoredTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const size = format === "f32" ? 4 : 2;
  const data = Buffer.alloc(count * size);
  for (let i = 0; i < count; i++) {
    const value = (random() * 2 - 1) * scale;
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
  const codes = new Uint8Array(rows * columns);
  for (let i = 0; i < codes.length; i++) {
    const code = Math.floor(random() * 256);
    codes[i] = (code & 0x7f) === 0x7f ? code - 1 : code; // not NaN
  }
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
