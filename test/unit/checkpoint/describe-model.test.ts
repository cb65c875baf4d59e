import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { localFiles } from "../../../src/checkpoint/checkpoint-files.ts";
import { describeModel } from "../../../src/checkpoint/describe-model.ts";
import { readCheckpoint } from "../../../src/checkpoint/read-checkpoint.ts";
import { fixture, nanoModel } from "../../support/golden.ts";
import { splitGguf } from "../../support/split-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "kimi-describe-"));
const instruct = fixture("configs", "kimi-k2-instruct", "config.json");
const nanoCheckpoint = join(import.meta.dirname, "../../../../shared/nano/checkpoint");

const describe = async (path: string, options = {}) =>
  describeModel(await readCheckpoint(localFiles(path)), options);
const codes = ({ problems }: Awaited<ReturnType<typeof describe>>) =>
  problems.map(({ severity, code }) => `${severity} ${code}`);

function configFolder(name: string, changes: (config: Record<string, unknown>) => object): string {
  const path = join(folder, `${name}-config.json`);
  const config = JSON.parse(readFileSync(instruct, "utf8")) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify(changes(config)));
  return path;
}

test("Kimi-K2-Instruct's config alone gives the parameters of k2-facts §6.5", async () => {
  const path = configFolder("instruct", (config) => config);
  const { weights, activeParameters, countedFrom, family } = await describe(path);
  expect(countedFrom).toBe("config");
  expect(family).toBe("Kimi K2 (Base or Instruct)");
  expect(weights.parts).toMatchObject({
    attention: { parameters: 101_122_048 * 61 },
    dense: { parameters: 396_361_728 },
    experts: { parameters: 44_040_192 * 384 * 60 },
    "shared experts": { parameters: 44_040_192 * 60 },
    router: { parameters: (2_752_512 + 384) * 60 },
    embeddings: { parameters: 2 * 1_174_405_120 },
  });
  expect(weights.total.parameters).toBe(1_026_408_232_448);
  expect(activeParameters.total / 1e9).toBeCloseTo(32.86, 2);
  expect(activeParameters.withoutInputEmbedding / 1e9).toBeCloseTo(31.69, 2);
});

test("Kimi-K2-Instruct's config alone gives the sizes of k2-facts §6.5", async () => {
  const path = configFolder("instruct", (config) => config);
  const { weights, memory, estimates } = await describe(path);
  const within = (value: number | undefined, expected: number) =>
    expect(Math.abs((value ?? 0) / expected - 1)).toBeLessThan(0.001);
  within(weights.total.bytes, 1.0292e12);
  within(weights.total.bytes / 2 ** 30, 958.5);
  const billions = Object.fromEntries(estimates.map(({ type, bytes }) => [type, bytes / 1e9]));
  const expected = {
    BF16: 2053,
    Q8_0: 1090.6,
    Q6_K: 842,
    Q5_K: 705.7,
    Q4_K: 577.4,
    Q3_K: 441,
    Q2_K: 336.8,
  };
  for (const [type, size] of Object.entries(expected)) within(billions[type], size);
  const rest = Object.fromEntries(estimates.map((one) => [one.type, one.nonExpertBytes / 1e9]));
  const onGpu = { BF16: 23.44, Q8_0: 12.45, Q6_K: 9.62, Q5_K: 8.06, Q4_K: 6.59 };
  for (const [type, size] of Object.entries(onGpu)) within(rest[type], size);
  const active = estimates.map((one) => [one.type, (one.activeExpertBytes / 1e9).toFixed(1)]);
  expect(Object.fromEntries(active)).toMatchObject({ Q8_0: "22.5", Q4_K: "11.9", Q2_K: "6.9" });
  expect(memory?.kvValuesPerToken).toBe(35_136);
  expect(memory?.kvBytesPerToken).toEqual({ f16: 70_272, q8_0: 37_332, q4_0: 19_764 });
  expect(memory?.serverKvBytesPerToken).toEqual({ bf16: 70_272, fp8: 35_136 });
  const gib = memory?.contexts.map(({ context, f16 }) => [context, (f16 / 2 ** 30).toFixed(2)]);
  expect(gib).toEqual([
    [4_096, "0.27"],
    [8_192, "0.54"],
    [32_768, "2.14"],
    [65_536, "4.29"],
    [131_072, "8.58"],
  ]);
});

test("the INT4 experts of K2-Thinking are counted as values, and weigh what its folder does", async () => {
  const path = configFolder("thinking", (config) => ({
    ...config,
    max_position_embeddings: 262_144,
    quantization_config: { quant_method: "compressed-tensors", format: "pack-quantized" },
  }));
  const { weights, family, quantisation } = await describe(path);
  expect(family).toBe("Kimi-K2-Thinking");
  expect(quantisation).toMatch(/^INT4/);
  expect(weights.total.parameters).toBe(1_026_408_232_448);
  expect(weights.total.bytes / 1e9).toBeCloseTo(594.2, 0);
});

test("variants are told apart by their config", async () => {
  const revised = configFolder("0905", (config) => ({
    ...config,
    max_position_embeddings: 262_144,
  }));
  expect((await describe(revised)).family).toBe("Kimi-K2-Instruct-0905");
  const nested = configFolder("k25", (config) => ({
    architectures: ["KimiK25ForConditionalGeneration"],
    model_type: "kimi_k25",
    text_config: {
      ...config,
      rope_scaling: { type: "yarn", factor: 64, beta_fast: 32, beta_slow: 1 },
    },
  }));
  const described = await describe(nested);
  expect(described.family).toBe("Kimi K2.5 or later");
  expect(described.weights.total.parameters).toBe(1_026_408_232_448);
  expect(codes(described)).toContain("note no-vision");
  expect(codes(described)).not.toContain("warning yarn-betas");
});

test("the embedded model is described from its tensors", async () => {
  const model = await describe(nanoModel);
  expect(model).toMatchObject({
    name: "kimi-nano",
    format: "gguf",
    countedFrom: "tensors",
    fileBytes: 8_456_352,
    architecture: { layers: 5, context: 8_192, experts: { count: 8, used: 2, shared: 1 } },
    tokenizer: {
      revision: "kimi-nano's",
      vocabulary: 4_096,
      ranks: 3_840,
      preTokenizer: "kimi-k2",
    },
    template: { revision: "kimi-nano", isExact: true, faults: [] },
  });
  expect(model.weights.total.bytes).toBeLessThan(model.fileBytes);
  expect(model.memory?.kvBytesPerToken.f16).toBe(5 * (128 + 32) * 2);
  expect(codes(model)).toEqual(["warning yarn-betas"]);
});

test("a GGUF file and the config of its checkpoint have the same parameters, part by part", async () => {
  const config = join(folder, "nano-config.json");
  writeFileSync(config, JSON.stringify(nanoConfig));
  const [file, promised] = [await describe(nanoModel), await describe(config)];
  for (const [part, { parameters }] of Object.entries(promised.weights.parts))
    expect(file.weights.parts, part).toMatchObject({ [part]: { parameters } });
});

test("a split file is described whole by any of its shards, and a missing one is named", async () => {
  const [first = "", second = "", third = ""] = splitGguf(nanoModel, join(folder, "split"), 3);
  const whole = await describe(nanoModel);
  const split = await describe(second);
  expect(split.weights).toEqual(whole.weights);
  expect(split.files).toHaveLength(3);
  rmSync(third);
  const cut = await describe(first);
  expect(cut.problems[0]).toMatchObject({
    severity: "error",
    code: "missing-file",
    message: "1 file is missing: split-00003-of-00003.gguf",
  });
});

test("quantised attn_k_b is an error with AMX, a warning where the CPU is not known", async () => {
  const head = await readCheckpoint(localFiles(nanoModel));
  const quantised = {
    ...head,
    tensors: head.tensors.map((tensor) =>
      tensor.name.endsWith("attn_k_b.weight") ? { ...tensor, type: "Q8_0" } : tensor,
    ),
  };
  expect(codes(describeModel(quantised, { hasAmx: true }))).toContain("error amx");
  expect(codes(describeModel(quantised))).toContain("warning amx");
  expect(codes(describeModel(quantised, { hasAmx: false }))).toContain("note amx");
});

test("unknown architectures, newer tensor types and contexts beyond training are told", async () => {
  const head = await readCheckpoint(localFiles(nanoModel));
  const other = { ...head, metadata: new Map([["general.architecture", "kimi-k9"]]) };
  expect(describeModel(other).problems[0]?.message).toMatch(
    /does not know the architecture kimi-k9/,
  );
  const newer = head.tensors.map((tensor) => ({
    ...tensor,
    type: "type 77",
    sizeBytes: undefined,
  }));
  expect(codes(describeModel({ ...head, tensors: newer }))).toContain("error unknown-type");
  expect(codes(describeModel(head, { context: 9_000 }))).toContain("warning context");
  expect(codes(describeModel({ ...head, template: undefined }))).toContain("note no-template");
});

test.skipIf(!existsSync(nanoCheckpoint))(
  "a Hugging Face folder is described from its headers",
  async () => {
    const model = await describe(nanoCheckpoint);
    const gguf = await describe(nanoModel);
    expect(model.weights.total.parameters).toBe(gguf.weights.total.parameters);
    expect(model.tokenizer?.sha256).toBe(gguf.tokenizer?.sha256);
    expect(model.files).toHaveLength(2);
    const promised = await describe(join(nanoCheckpoint, "config.json"));
    expect(promised.weights.total).toEqual(model.weights.total);
    expect(codes(model)).toEqual(["warning yarn-betas", "note needs-conversion", "note fp8"]);
  },
);

test("a folder whose index promises more than there is says so, and counts by the config", async () => {
  const path = mkdtempSync(join(folder, "hf-"));
  writeFileSync(join(path, "config.json"), JSON.stringify(nanoConfig));
  const header = Buffer.from(
    JSON.stringify({ a: { dtype: "BF16", shape: [2, 2], data_offsets: [0, 8] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(join(path, "one.safetensors"), Buffer.concat([length, header, Buffer.alloc(8)]));
  const index = { weight_map: { a: "one.safetensors", b: "two.safetensors" } };
  writeFileSync(join(path, "model.safetensors.index.json"), JSON.stringify(index));
  const model = await describe(path);
  expect(model.countedFrom).toBe("config");
  expect(model.problems[0]?.message).toBe("1 file is missing: two.safetensors");
});

test.each([
  ["a header longer than the file", [255, 255, 0, 0, 0, 0, 0, 0, 123]],
  ["no JSON", [2, 0, 0, 0, 0, 0, 0, 0, 120, 120]],
  ["nothing", []],
])("a safetensors file with %s is refused by name", async (name, bytes) => {
  const path = join(folder, `${name}.safetensors`);
  writeFileSync(path, Buffer.from(bytes));
  await expect(describe(path)).rejects.toThrow(/is not a whole safetensors file/);
});

test("an old file with attn_kv_b in one piece keeps whole heads in its KV cache", async () => {
  const head = await readCheckpoint(localFiles(nanoModel));
  const tensors = head.tensors.map((tensor) =>
    tensor.name === "blk.0.attn_k_b.weight"
      ? { ...tensor, name: "blk.0.attn_kv_b.weight" }
      : tensor,
  );
  const model = describeModel({ ...head, tensors });
  expect(model.memory?.kvValuesPerToken).toBe(5 * 4 * (64 + 32 + 64));
  expect(codes(model)).toContain("warning unsplit-attention");
});

test("a file of another family is described by what its metadata says", async () => {
  const head = await readCheckpoint(localFiles(nanoModel));
  const metadata = new Map<string, string | number>([
    ["general.architecture", "qwen3"],
    ["qwen3.block_count", 36],
    ["qwen3.embedding_length", 4_096],
    ["qwen3.attention.head_count", 32],
    ["qwen3.attention.head_count_kv", 8],
    ["qwen3.attention.key_length", 128],
    ["qwen3.attention.value_length", 128],
    ["qwen3.context_length", 40_960],
  ]);
  const model = describeModel({ ...head, metadata });
  expect(model.memory?.kvBytesPerToken.f16).toBe(36 * 8 * 256 * 2);
  expect(model.family).toBeUndefined();
  expect(codes(model)).toEqual(["error no-tokenizer"]);
});

test("YaRN betas are a warning unless the file's are llama.cpp's own or are set", async () => {
  const head = await readCheckpoint(localFiles(nanoModel));
  expect(codes(describeModel(head, { setsYarnBetas: true }))).toEqual([]);
  const key = "deepseek2.rope.scaling.yarn_beta_fast";
  const usual = new Map([...head.metadata, [key, 32] as const]);
  expect(codes(describeModel({ ...head, metadata: usual }))).toEqual([]);
  const silent = new Map([...head.metadata].filter(([name]) => name !== key));
  const [problem] = describeModel({ ...head, metadata: silent }).problems;
  expect(problem?.message).toMatch(/does not say its YaRN betas/);
});

test("a count of layers that llama.cpp takes for another model is an error", async () => {
  const head = await readCheckpoint(localFiles(nanoModel));
  const metadata = new Map([...head.metadata, ["deepseek2.block_count", 27] as const]);
  expect(codes(describeModel({ ...head, metadata }))).toContain("error layer-count");
});

test("what is no model is refused", async () => {
  await expect(describe(join(folder, "nothing"))).rejects.toThrow(/there is no model at/);
  await expect(describe(mkdtempSync(join(folder, "empty-")))).rejects.toThrow(/is no model/);
});

const nanoConfig = {
  ...(JSON.parse(readFileSync(instruct, "utf8")) as object),
  hidden_size: 256,
  num_hidden_layers: 5,
  intermediate_size: 768,
  moe_intermediate_size: 128,
  n_routed_experts: 8,
  num_experts_per_tok: 2,
  num_attention_heads: 4,
  q_lora_rank: 128,
  kv_lora_rank: 128,
  qk_nope_head_dim: 64,
  qk_rope_head_dim: 32,
  v_head_dim: 64,
  vocab_size: 4096,
};
