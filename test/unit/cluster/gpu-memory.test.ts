import { expect, test } from "vitest";
import { accelerators, findAccelerator } from "../../../src/cluster/accelerators.ts";
import { dataExpertSpread, tensorSpread } from "../../../src/cluster/engines/usual-spreads.ts";
import { gpuMemory, type EngineBudget } from "../../../src/cluster/gpu-memory.ts";
import { findKnownModel } from "../../../src/cluster/known-models.ts";
import type { ModelDescription } from "../../../src/checkpoint/describe-model.ts";
import { cacheGroups, weightBytesPerGpu } from "../../../src/cluster/spread.ts";

const known = (name: string): ModelDescription => {
  const model = findKnownModel(name);
  if (!model) throw new Error(`${name} is not known`);
  return model;
};
const instruct = known("moonshotai/Kimi-K2-Instruct");
const thinking = known("Kimi-K2-Thinking");

const usual: EngineBudget = {
  of: "everything",
  fraction: 0.9,
  batchedTokens: 8_192,
  sequences: 256,
  kvBytesPerValue: 2,
};

const within3Percent = (value: number, published: number): void => {
  expect(Math.abs(value / published - 1)).toBeLessThan(0.03);
};

test("the known checkpoints weigh what is published of them", () => {
  expect(instruct.weights.total.parameters).toBe(1_026_408_232_448); // k2-facts §6.5
  within3Percent(instruct.weights.total.bytes, 1.0292e12);
  within3Percent(thinking.weights.total.bytes, 594e9); // §1.2
});

test("vLLM's 46.80 GiB and 715,072 tokens of KV cache on each of eight H200 come out for K2.5", () => {
  const memory = gpuMemory(thinking, findAccelerator("h200"), {
    spread: tensorSpread(8),
    // MoonViT: 27 layers of width 1,152 (§1.2), about 0.42 B parameters in BF16, whole on each GPU (`--mm-encoder-tp-mode data`).
    budget: { ...usual, otherBytes: 0.42e9 * 2 },
  });
  within3Percent(memory.perGpu.kvCacheBytes, 46.8 * 2 ** 30);
  within3Percent(memory.kvCapacityTokens, 715_072);
});

test("a token takes 70,272 bytes of KV cache, 35,136 in FP8", () => {
  const each = (kvBytesPerValue: 1 | 2): number =>
    gpuMemory(instruct, findAccelerator("h200"), {
      spread: tensorSpread(16),
      budget: { ...usual, kvBytesPerValue },
    }).kvBytesPerToken;
  expect([each(2), each(1)]).toEqual([70_272, 35_136]);
});

test("all parts of a GPU's memory add up to it", () => {
  for (const accelerator of accelerators)
    for (const of of ["everything", "static", "free"] as const) {
      const { perGpu, freeBytes } = gpuMemory(instruct, accelerator, {
        spread: tensorSpread(16),
        budget: { ...usual, of },
      });
      if (freeBytes <= 0) continue;
      const { capacityBytes, ...parts } = perGpu;
      const sum = Object.values(parts).reduce((total, bytes) => total + bytes, 0);
      expect(sum).toBeCloseTo(capacityBytes, 0);
    }
});

test("tensor parallelism cuts all but norms, router and MLA's down-projections", () => {
  const whole = weightBytesPerGpu(instruct, tensorSpread(1));
  expect(whole).toBe(instruct.weights.total.bytes);
  const cut = weightBytesPerGpu(instruct, tensorSpread(16));
  const replicated = 61 * 7168 * (1536 + 512 + 64); // FP8 (§6.5: q_a 11,010,048 + kv_a 4,128,768)
  const router = instruct.weights.parts.router.bytes;
  expect(cut - whole / 16).toBeGreaterThan(((replicated + router) * 15) / 16);
  expect(cut - whole / 16).toBeLessThan(((replicated + router) * 15 * 1.02) / 16);
});

test("data parallelism keeps a cache of its own on each GPU, and cuts nothing but the experts", () => {
  const spread = dataExpertSpread(16);
  expect(cacheGroups(spread)).toBe(16);
  const { experts } = instruct.weights.parts;
  const others = instruct.weights.total.bytes - experts.bytes;
  expect(weightBytesPerGpu(instruct, spread)).toBeCloseTo(others + experts.bytes / 16, -3);
});

test("copies of experts are counted", () => {
  const without = weightBytesPerGpu(instruct, dataExpertSpread(96));
  const withCopies = weightBytesPerGpu(instruct, dataExpertSpread(96, 96));
  const { experts } = instruct.weights.parts;
  expect(withCopies - without).toBeCloseTo(experts.bytes / 384, -3); // the fifth beside four
});

test.each([
  ["NVIDIA H200", "H200"],
  ["h100-80gb", "H100"],
  ["rtx-4090", "RTX 4090"],
  ["4090", "RTX 4090"],
  ["RTX PRO 6000 Blackwell", "RTX 6000 Pro"],
  ["AMD Instinct MI300X", "MI300X"],
])("%s is found as %s", (text, name) => {
  expect(findAccelerator(text).name).toBe(name);
});

test("a GPU that is not in the catalogue is named, with those that are", () => {
  expect(() => findAccelerator("h300")).toThrow(
    expect.objectContaining({
      message: "GPU h300 is not in the catalogue",
      hint: expect.stringContaining("H200"),
      exitCode: 2,
    }),
  );
});

test("every GPU says where its figures are from", () => {
  expect(accelerators).toHaveLength(14);
  for (const { source, memoryBytes, bandwidth } of accelerators) {
    expect(source.length).toBeGreaterThan(20);
    expect(memoryBytes).toBeGreaterThan(20e9);
    expect(bandwidth).toBeGreaterThan(500e9);
  }
});
