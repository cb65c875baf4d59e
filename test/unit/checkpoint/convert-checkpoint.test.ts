import { rmSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  convertCheckpoint,
  type ConversionEvent,
  type ConversionOptions,
  type ConversionResult,
} from "../../../src/checkpoint/convert/convert-checkpoint.ts";
import { UnitConverter } from "../../../src/checkpoint/convert/conversion-unit.ts";
import { e4m3Values, f32FromF16 } from "../../../src/checkpoint/convert/float-formats.ts";
import { readGguf, type GgufFile } from "../../../src/checkpoint/gguf-read.ts";
import { openModelFile } from "../../../src/engine/local/model-file.ts";
import { writeCheckpoint, writeShards } from "../../support/synthetic-checkpoint.ts";
import type { StoredTensor, SyntheticModel } from "../../support/synthetic-tensors.ts";

const base = mkdtempSync(join(tmpdir(), "kimi-convert-"));
afterAll(() => rmSync(base, { recursive: true }));
const folder = (): string => mkdtempSync(join(base, "case-"));

type Choice = Partial<ConversionOptions> & Pick<ConversionOptions, "source" | "output">;

async function convert(
  choice: Choice,
): Promise<{ events: ConversionEvent[]; result: ConversionResult }> {
  const conversion = convertCheckpoint({
    type: "f32",
    signal: new AbortController().signal,
    ...choice,
  });
  const events: ConversionEvent[] = [];
  for (;;) {
    const step = await conversion.next();
    if (step.done === true) return { events, result: step.value };
    events.push(step.value);
  }
}

/** A checkpoint's folder and the F32 file that is made of it. */
async function converted(model: SyntheticModel) {
  const source = folder();
  const stored = writeCheckpoint(source, model);
  const output = join(folder(), "model.gguf");
  await convert({ source, output });
  return { source, stored, output, file: readGguf(output) };
}

/** The F32 values of a tensor of a file. */
function valuesOf(file: GgufFile, name: string): Float32Array {
  const tensor = file.tensors.find((tensor) => tensor.name === name);
  if (tensor?.type !== "F32") throw new Error(`${name} is not F32`);
  const data = file.tensors.reduce((sum, { size = 0 }) => sum + Math.ceil(size / 32) * 32, 0);
  const bytes = readFileSync(file.path).subarray(file.sizeBytes - data + tensor.offset);
  return new Float32Array(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (tensor.size ?? 0)),
  );
}

/** A stored matrix's values, from the formats' definitions. */
function dequantised(stored: readonly StoredTensor[], name: string): number[] {
  const find = (suffix = ""): StoredTensor | undefined =>
    stored.find((tensor) => tensor.name === name + suffix);
  const plain = ({ dtype, data }: StoredTensor): number[] => {
    const bytes = Buffer.from(data);
    if (dtype === "F32")
      return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
    const halves = Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(2 * i));
    if (dtype === "F16") return halves.map(f32FromF16);
    return halves.map((half) => {
      const word = Buffer.alloc(4);
      word.writeUInt16LE(half, 2);
      return word.readFloatLE();
    });
  };
  const tensor = find();
  const [scaleInverse, packed, scale] = [find("_scale_inv"), find("_packed"), find("_scale")];
  if (tensor && scaleInverse) {
    const [, columns = 1] = tensor.shape;
    const scales = plain(scaleInverse);
    return [...tensor.data].map((code, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const block = (row >> 7) * (scaleInverse.shape[1] ?? 1) + (column >> 7);
      return Math.fround((e4m3Values[code] ?? NaN) * (scales[block] ?? NaN));
    });
  }
  if (tensor) return plain(tensor);
  if (!packed || !scale) throw new Error(`no ${name}`);
  const words = Buffer.from(packed.data);
  const scales = plain(scale);
  return Array.from({ length: words.length * 2 }, (_, i) => {
    const level = ((words.readUInt32LE(4 * (i >> 3)) >>> (4 * (i & 7))) & 15) - 8;
    return Math.fround(level * (scales[i >> 5] ?? NaN));
  });
}

const models: [string, SyntheticModel][] = [
  ["block FP8", { format: "fp8" }],
  [
    "block FP8 without compressed queries, in one file",
    { format: "fp8", queryRank: null, shards: 1 },
  ],
  ["BF16 in five shards", { format: "bf16", shards: 5 }],
  ["F16", { format: "f16" }],
  ["F32", { format: "f32" }],
  ["packed INT4 experts", { format: "int4" }],
  ["packed INT4 of a multimodal model", { format: "int4", prefix: "language_model." }],
];

test.each(models)("%s becomes the values that its format defines", async (_, model) => {
  const { stored, file } = await converted(model);
  const from = `${model.prefix ?? ""}model.layers.1.`;
  const matrices = {
    "blk.1.attn_norm.weight": "input_layernorm.weight",
    "blk.1.attn_kv_a_mqa.weight": "self_attn.kv_a_proj_with_mqa.weight",
    "blk.1.attn_output.weight": "self_attn.o_proj.weight",
    "blk.1.ffn_gate_inp.weight": "mlp.gate.weight",
    "blk.1.exp_probs_b.bias": "mlp.gate.e_score_correction_bias",
    "blk.1.ffn_down_shexp.weight": "mlp.shared_experts.down_proj.weight",
    ...(model.queryRank === null
      ? { "blk.1.attn_q.weight": "self_attn.q_proj.weight" }
      : { "blk.1.attn_q_b.weight": "self_attn.q_b_proj.weight" }),
  };
  for (const [to, name] of Object.entries(matrices))
    expect(valuesOf(file, to), to).toEqual(Float32Array.from(dequantised(stored, from + name)));
  for (const kind of ["gate", "up", "down"]) {
    const experts = Array.from({ length: 4 }, (_, expert) =>
      dequantised(stored, `${from}mlp.experts.${expert}.${kind}_proj.weight`),
    );
    expect(valuesOf(file, `blk.1.ffn_${kind}_exps.weight`)).toEqual(
      Float32Array.from(experts.flat()),
    );
  }
  // Three heads of 32 rows of keys, which are transposed, and 32 of values; 128 columns.
  const both = dequantised(stored, `${from}self_attn.kv_b_proj.weight`);
  const row = (head: number, index: number): number[] =>
    both.slice((64 * head + index) * 128, (64 * head + index + 1) * 128);
  const heads = [0, 1, 2];
  const keys = heads.flatMap((head) =>
    Array.from({ length: 128 * 32 }, (_, i) => row(head, i % 32)[Math.floor(i / 32)] as number),
  );
  const values = heads.flatMap((head) =>
    Array.from({ length: 32 }, (_, i) => row(head, 32 + i)).flat(),
  );
  expect(valuesOf(file, "blk.1.attn_k_b.weight")).toEqual(Float32Array.from(keys));
  expect(valuesOf(file, "blk.1.attn_v_b.weight")).toEqual(Float32Array.from(values));
});

test("the keys say what the configuration, the tokenizer and the sampling defaults do", async () => {
  const { file, source } = await converted({ format: "fp8" });
  const keys = file.metadata;
  expect(keys.get("general.architecture")).toBe("deepseek2");
  expect(keys.get("general.name")).toBe(source.split("/").at(-1));
  expect(keys.get("general.sampling.temp")).toBeCloseTo(0.6);
  expect(keys.get("deepseek2.attention.head_count_kv")).toBe(1);
  expect(keys.get("deepseek2.attention.key_length")).toBe(144);
  expect(keys.get("deepseek2.attention.key_length_mla")).toBe(48);
  expect(keys.get("deepseek2.attention.q_lora_rank")).toBe(64);
  expect(keys.get("deepseek2.expert_gating_func")).toBe(2);
  expect(keys.get("deepseek2.rope.scaling.yarn_beta_fast")).toBe(1);
  expect(keys.get("deepseek2.rope.scaling.yarn_log_multiplier")).toBeCloseTo(0.1);
  expect(keys.get("tokenizer.ggml.pre")).toBe("kimi-k2");
  const tokens = keys.get("tokenizer.ggml.tokens") as string[];
  const types = keys.get("tokenizer.ggml.token_type") as number[];
  expect(tokens.slice(256, 265)).toEqual(
    ["th", "he", "the", "Ġthe", "[BOS]", "[EOS]", "<|im_end|>"].concat([
      "<|reserved_token_263|>",
      "<|reserved_token_264|>",
    ]),
  );
  expect(tokens.at(-1)).toBe("[PAD519]");
  expect([types[0], types[262], types[300], types[519]]).toEqual([1, 3, 3, 5]);
  expect(keys.get("tokenizer.ggml.merges")).toEqual(["t h", "h e", "th e", "Ġ the"]);
  expect(keys.get("tokenizer.ggml.eos_token_id")).toBe(261);
  expect(keys.get("tokenizer.chat_template")).toBe("{{ messages }}");
});

test("quantised, attn_k_b and attn_v_b are BF16, and router, norms and bias F32", async () => {
  const source = folder();
  writeCheckpoint(source, { format: "fp8" });
  const output = join(folder(), "model.gguf");
  await convert({ source, output, type: "q8_0" });
  const types = new Map(readGguf(output).tensors.map(({ name, type }) => [name, type]));
  expect(types.get("blk.1.attn_k_b.weight")).toBe("BF16");
  expect(types.get("blk.1.attn_v_b.weight")).toBe("BF16");
  expect(types.get("blk.1.ffn_gate_inp.weight")).toBe("F32");
  expect(types.get("blk.1.exp_probs_b.bias")).toBe("F32");
  expect(types.get("blk.1.attn_q_a_norm.weight")).toBe("F32");
  expect(types.get("blk.1.ffn_up_exps.weight")).toBe("Q8_0");
});

test.each(["f32", "q8_0", "q4_0", "bf16"] as const)(
  "%s is the same however many threads make it",
  async (type) => {
    const source = folder();
    writeCheckpoint(source, { format: "fp8", hiddenSize: 256 });
    const files: Buffer[] = [];
    for (const threads of [1, 3]) {
      const output = join(folder(), "model.gguf");
      await convert({ source, output, type, threads });
      files.push(readFileSync(output));
    }
    expect(files[0]?.equals(files[1] as Buffer)).toBe(true);
  },
);

test("split files hold the same tensors, and open by the first of them", async () => {
  const { source, output: whole, file } = await converted({ format: "bf16" });
  const output = join(folder(), "model.gguf");
  const { result } = await convert({ source, output, splitMaxSizeBytes: 500_000, name: "x" });
  const paths = result.plan.files.map(({ path }) => path);
  expect(paths.length).toBeGreaterThan(2);
  expect(paths[0]).toBe(
    output.replace(".gguf", `-00001-of-${String(paths.length).padStart(5, "0")}.gguf`),
  );
  const opened = openModelFile(paths[1] as string);
  expect(opened.tensors.map(({ name }) => name)).toEqual(file.tensors.map(({ name }) => name));
  const heads = paths.map(readGguf);
  for (const [index, head] of heads.entries()) {
    expect(head.metadata.get("split.no")).toBe(index);
    expect(head.metadata.get("split.count")).toBe(paths.length);
    expect(head.metadata.get("split.tensors.count")).toBe(file.tensors.length);
    expect(head.metadata.has("general.architecture")).toBe(index === 0);
    expect(head.tensors.length === 1 || dataBytes(head) <= 500_000).toBe(true);
    for (const { name } of head.tensors) {
      const bytes = valuesOf(head, name);
      expect(bytes).toEqual(valuesOf(readGguf(whole), name));
    }
  }
});

const dataBytes = ({ tensors }: GgufFile): number =>
  tensors.reduce((sum, { size = 0 }) => sum + Math.ceil(size / 32) * 32, 0);

test("a dry run tells every tensor, type and size, and writes nothing", async () => {
  const source = folder();
  writeCheckpoint(source, { format: "fp8", config: {} });
  const to = folder();
  const { result } = await convert({
    source,
    output: join(to, "model.gguf"),
    type: "q4_k_m",
    dryRun: true,
  });
  expect(result.isWritten).toBe(false);
  expect(readdirSync(to)).toEqual([]);
  expect(result.plan.tensors.find(({ name }) => name === "output.weight")?.type).toBe("Q8_0");
  const wet = join(to, "model.gguf");
  const { result: real } = await convert({ source, output: wet, type: "q8_0" });
  expect(readFileSync(wet).length).toBe(real.plan.sizeBytes);
});

test("K-quants need the native addon, and without it nothing is written", async () => {
  const source = folder();
  writeCheckpoint(source, { format: "bf16" });
  const to = folder();
  await expect(
    convert({ source, output: join(to, "model.gguf"), type: "q4_k_m" }),
  ).rejects.toMatchObject({
    code: "no-quantizer",
    hint: expect.stringContaining("q8_0") as string,
  });
  expect(readdirSync(to)).toEqual([]);
});

test("an injected quantizer gets whole rows of finite values, in every thread", async () => {
  const source = folder();
  writeCheckpoint(source, { format: "fp8", hiddenSize: 256 });
  const quantizerModule = { path: join(folder(), "quantizer.cjs") };
  writeFileSync(
    quantizerModule.path,
    `const bytes = { Q4_K: [256, 144], Q5_0: [32, 22], Q6_K: [256, 210] };
     exports.quantize = (type, values, rowLength) => {
       if (values.length % rowLength !== 0 || values.some(Number.isNaN)) throw new Error("bad rows");
       const [size, block] = bytes[type];
       return new Uint8Array(values.length / size * block).fill(type.charCodeAt(1));
     };`,
  );
  for (const threads of [1, 2]) {
    const output = join(folder(), "model.gguf");
    await convert({ source, output, type: "q4_k_m", threads, quantizerModule });
    const file = readGguf(output);
    expect(file.tensors.find(({ name }) => name === "token_embd.weight")?.type).toBe("Q4_K");
    expect(readFileSync(output).includes(Buffer.alloc(1_000, "4"))).toBe(true);
  }
});

test("progress is of the checkpoint's bytes and ends at all of them", async () => {
  const source = folder();
  writeCheckpoint(source, { format: "fp8" });
  const { events, result } = await convert({ source, output: join(folder(), "model.gguf") });
  expect(events[0]?.type).toBe("plan");
  const last = events.at(-1);
  if (last?.type !== "progress") throw new Error("no progress");
  expect(Math.round(last.doneBytes)).toBe(last.totalBytes);
  expect(last.totalBytes).toBe(result.plan.sourceBytes);
  expect(last.bytesPerSecond).toBeGreaterThan(0);
});

/** What converting a spoilt checkpoint throws. */
async function failureOf(
  spoil: (source: string, stored: StoredTensor[]) => void,
  model?: SyntheticModel,
) {
  const source = folder();
  spoil(source, writeCheckpoint(source, model ?? { format: "fp8" }));
  const output = join(folder(), "model.gguf");
  const failure = await convert({ source, output }).catch((error: unknown) => error);
  expect(existsSync(output)).toBe(false);
  return failure;
}

const changed = (
  stored: readonly StoredTensor[],
  name: string,
  change: (tensor: StoredTensor) => StoredTensor | undefined,
): StoredTensor[] =>
  stored.flatMap((tensor) => (tensor.name === name ? (change(tensor) ?? []) : tensor));

const gate = "model.layers.1.mlp.experts.2.gate_proj.weight";

test("a NaN is told with its tensor, row, column and block", async () => {
  const failure = await failureOf((source, stored) => {
    const spoilt = changed(stored, gate, (tensor) => {
      const data = Uint8Array.from(tensor.data);
      data[70 * 160 + 130] = 0x7f;
      return { ...tensor, data };
    });
    writeShards(source, spoilt, 2);
  });
  expect(failure).toMatchObject({
    code: "bad-checkpoint",
    message: expect.stringContaining(
      `${gate} can't be converted: it has NaN in row 70, column 130 (block 0, 1)`,
    ) as string,
  });
});

test.each<[string, (tensor: StoredTensor) => StoredTensor | undefined, string]>([
  ["is missing", () => undefined, `${gate} can't be converted: it is missing`],
  [
    "has another shape",
    (tensor) => ({ ...tensor, shape: [160, 96] }),
    `${gate} can't be converted: it is [160, 96], but config.json asks for [96, 160]`,
  ],
  [
    "has another type",
    (tensor) => ({ ...tensor, dtype: "U8" }),
    `${gate} can't be converted: it is U8`,
  ],
  [
    "has a name of no layer",
    (tensor) => ({ ...tensor, name: "model.layers.1.mlp.surprise.weight" }),
    `${gate} can't be converted: it is missing`,
  ],
])("a tensor that %s is named", async (_, change, message) => {
  const failure = await failureOf((source, stored) =>
    writeShards(source, changed(stored, gate, change), 2),
  );
  expect(failure).toMatchObject({ message: expect.stringContaining(message) as string });
});

test("a tensor that has no place in the model is named", async () => {
  const failure = await failureOf((source, stored) => {
    const extra = { name: "model.extra.weight", dtype: "F32", shape: [1], data: new Uint8Array(4) };
    writeShards(source, [...stored, extra], 2);
  });
  expect(failure).toMatchObject({
    message: expect.stringContaining(
      "model.extra.weight can't be converted: it has no place",
    ) as string,
  });
});

test("layers that predict further tokens are left out, as llama.cpp's converter does", async () => {
  const source = folder();
  const stored = writeCheckpoint(source, { format: "bf16" });
  const extra = {
    name: "model.layers.3.eh_proj.weight",
    dtype: "F32",
    shape: [1],
    data: new Uint8Array(4),
  };
  writeShards(source, [...stored, extra], 2);
  const { result } = await convert({ source, output: join(folder(), "model.gguf") });
  expect(result.plan.tensors.some(({ name }) => name.startsWith("blk.3."))).toBe(false);
});

test("a value too large for F16 is an error, not infinity", async () => {
  const source = folder();
  const stored = writeCheckpoint(source, { format: "f32" });
  const name = "model.layers.0.mlp.up_proj.weight";
  const spoilt = changed(stored, name, (tensor) => {
    const data = Buffer.from(tensor.data);
    data.writeFloatLE(70_000, 4 * 161);
    return { ...tensor, data };
  });
  writeShards(source, spoilt, 2);
  const output = join(folder(), "model.gguf");
  await expect(convert({ source, output, type: "f16" })).rejects.toThrow(
    `${name} has 70000 in row 1, column 1, too large for F16`,
  );
  await convert({ source, output, type: "bf16" });
});

test("another architecture, another quantisation and a folder that is no checkpoint are refused", async () => {
  const config = (value: Record<string, unknown>): SyntheticModel => ({
    format: "bf16",
    config: value,
  });
  expect(await failureOf(() => {}, config({ architectures: ["LlamaForCausalLM"] }))).toMatchObject({
    code: "unsupported-checkpoint",
    message: expect.stringContaining("LlamaForCausalLM") as string,
  });
  expect(
    await failureOf(() => {}, config({ quantization_config: { quant_method: "gptq" } })),
  ).toMatchObject({ message: expect.stringContaining("gptq") as string });
  await expect(convert({ source: folder(), output: "x.gguf" })).rejects.toThrow(
    /it has no config.json/,
  );
});

test("a file that is there is only replaced when that is asked for", async () => {
  const { source, output } = await converted({ format: "bf16" });
  writeFileSync(output, "mine");
  await expect(convert({ source, output })).rejects.toMatchObject({
    message: `${output} is there already`,
    hint: expect.stringContaining("--overwrite") as string,
  });
  expect(readFileSync(output, "utf8")).toBe("mine");
  await convert({ source, output, overwrite: true });
  expect(readGguf(output).tensors.length).toBeGreaterThan(10);
});

test.skipIf(!existsSync("/dev/full"))("a full disk names the tensor and says how to go on", () => {
  const source = folder();
  const stored = writeCheckpoint(source, { format: "f32", shards: 1 });
  const [{ name, shape }] = stored as [StoredTensor];
  const [rows = 1, columns = 1] = shape;
  const path = join(source, "model.safetensors");
  const data = { path, position: 8, type: "F32" } as const;
  expect(() =>
    new UnitConverter(undefined).convert({
      tensor: "token_embd.weight",
      type: "BF16",
      source: {
        encoding: "plain",
        name,
        rows,
        columns,
        data: { ...data, position: 80_000 },
        sizeBytes: 0,
      },
      firstRow: 0,
      rowCount: 1,
      isTransposed: false,
      path: "/dev/full",
      position: 0,
    }),
  ).toThrow(
    expect.objectContaining({
      code: "disk-full",
      message: expect.stringContaining("token_embd.weight: the disk is full") as string,
    }) as Error,
  );
});
