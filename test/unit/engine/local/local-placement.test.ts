/** Where Kimi-K2-Instruct, as Q4_K, goes on several machines; what nano needs to be told. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { localFiles } from "../../../../src/checkpoint/checkpoint-files.ts";
import { asType } from "../../../../src/checkpoint/describe-quantisation.ts";
import { describeModel } from "../../../../src/checkpoint/describe-model.ts";
import { readCheckpoint } from "../../../../src/checkpoint/read-checkpoint.ts";
import {
  placeLocally,
  type Machine,
  type PlacementOptions,
} from "../../../../src/engine/local/local-placement.ts";
import { openModelFile } from "../../../../src/engine/local/model-file.ts";
import { yarnBetas } from "../../../../src/engine/local/yarn-betas.ts";
import { fixture, nanoModel } from "../../../support/golden.ts";

const folder = mkdtempSync(join(tmpdir(), "kimi-placement-"));
afterAll(() => rmSync(folder, { recursive: true }));

const gib = 2 ** 30;
const k2 = asType(
  describeModel(await readCheckpoint(localFiles(fixture("configs", "kimi-k2-instruct")))),
  "q4_k",
);

const place = (options: PlacementOptions = {}, machine: Partial<Machine> = {}) =>
  placeLocally(k2, options, {
    gpus: [{ name: "GPU 0", memoryBytes: 16 * gib }],
    ramBytes: 768 * gib,
    threads: 32,
    addonMissing: undefined,
    ...machine,
  });

const anyExperts = String.raw`\.ffn_(up|down|gate|gate_up)_(ch|)exps`;

test("attention goes to a small GPU, all experts to the CPU", () => {
  const { gpuLayers, cpuTensorPatterns, contextSize, summary, warning } = place();
  expect({ gpuLayers, contextSize, warning }).toEqual({
    gpuLayers: 62,
    contextSize: 32_768,
    warning: undefined,
  });
  expect(cpuTensorPatterns).toEqual([anyExperts]);
  expect(summary).toBe(
    "GPU 0: layers 0-60; CPU: experts of layers 1-60; context 32768, KV cache f16, 32 threads",
  );
});

test("what is left of a large GPU takes the experts of the last layers", () => {
  const { cpuTensorPatterns, summary } = place(
    {},
    { gpus: [{ name: "GPU 0", memoryBytes: 141 * gib }] },
  );
  const [, first] =
    /experts of layers (\d+)-60; CPU: experts of layers 1-(\d+)/.exec(summary) ?? [];
  expect(Number(first)).toBeGreaterThan(40);
  const [pattern = ""] = cpuTensorPatterns;
  const onCpu = new RegExp(pattern);
  for (let layer = 1; layer <= 60; layer++) {
    expect(onCpu.test(`blk.${layer}.ffn_gate_exps.weight`)).toBe(layer < Number(first));
    expect(onCpu.test(`blk.${layer}.attn_q_a.weight`)).toBe(false);
    expect(onCpu.test(`blk.${layer}.ffn_gate_shexp.weight`)).toBe(false);
  }
});

test("what is asked for goes before what fits", () => {
  const large = { gpus: [{ name: "GPU 0", memoryBytes: 141 * gib }] };
  expect(place({ nCpuMoe: "all" }, large).cpuTensorPatterns).toEqual([anyExperts]);
  expect(place({ nCpuMoe: 59 }, large).summary).toContain("CPU: experts of layers 1-58");
  expect(place({ gpuLayers: 11 }).summary).toContain("CPU: layers 0-50 and experts");
  expect(place({ contextSize: 4_096 }).contextSize).toBe(4_096);
  expect(place({ gpuLayers: 0 })).toMatchObject({ gpuLayers: 0, cpuTensorPatterns: [] });
});

test("a larger KV cache leaves less of the GPU to the experts, one of 8 bits more", () => {
  const large = { gpus: [{ name: "GPU 0", memoryBytes: 141 * gib }] };
  const layersOnCpu = (options: PlacementOptions): number =>
    (place({ contextSize: 131_072, ...options }, large).cpuTensorPatterns[0] ?? "").split("|")
      .length;
  expect(layersOnCpu({ kvType: "f32" })).toBeGreaterThan(layersOnCpu({}));
  expect(layersOnCpu({ kvType: "q8_0" })).toBeLessThanOrEqual(layersOnCpu({}));
});

test("without a GPU all is the CPU's, and the context is left to the free memory", () => {
  const placed = place({}, { gpus: [] });
  expect(placed).toMatchObject({ gpuLayers: 0, cpuTensorPatterns: [] });
  expect(placed.contextSize).toBeUndefined();
  expect(() => place({ gpuLayers: 5 }, { gpus: [] })).toThrow("there is no GPU for --gpu-layers 5");
});

test("without the addon whole layers go to the GPU, and a wish for less is refused with the reason", () => {
  const addonMissing = "only for Linux";
  const large = { gpus: [{ name: "GPU 0", memoryBytes: 141 * gib }], addonMissing };
  const { gpuLayers, cpuTensorPatterns, summary } = place({}, large);
  expect(cpuTensorPatterns).toEqual([]);
  expect(gpuLayers).toBeGreaterThan(5);
  expect(gpuLayers).toBeLessThan(20);
  const first = 62 - gpuLayers;
  expect(summary).toContain(`GPU 0: layers ${first}-60 and experts of layers ${first}-60`);
  expect(() => place({ nCpuMoe: "all" }, large)).toThrow(/native addon.*only for Linux/);
});

test("a machine that is too small is told so", () => {
  expect(place({}, { ramBytes: 64 * gib }).warning).toMatch(
    /^the memory is \d+\.\d GiB too small for this model: it will be read from disk/,
  );
  expect(place({ gpuLayers: 62, nCpuMoe: 0 }).warning).toMatch(/^GPU 0 is \d+\.\d GiB too small/);
});

/** A copy of the embedded model with one value of its metadata changed. */
function changed(name: string, change: (bytes: Buffer) => void): string {
  const bytes = Buffer.from(readFileSync(nanoModel));
  change(bytes);
  const path = join(mkdtempSync(join(folder, "case-")), name);
  writeFileSync(path, bytes);
  return path;
}

const betaFast = "deepseek2.rope.scaling.yarn_beta_fast";

test("YaRN betas are the file's own, and are set only where llama.cpp would take others", () => {
  expect(yarnBetas(openModelFile(nanoModel))).toEqual({ fast: 1, slow: 1 });
  const usual = changed("usual.gguf", (bytes) => {
    bytes.writeFloatLE(32, bytes.indexOf(betaFast) + betaFast.length + 4);
  });
  expect(yarnBetas(openModelFile(usual))).toBeUndefined();
});

test("a file that does not say its YaRN betas gets those of the config.json beside it", () => {
  const path = changed("silent.gguf", (bytes) => {
    bytes.write("deepseek2.rope.scaling.yarn_beta_none", bytes.indexOf(betaFast));
  });
  expect(yarnBetas(openModelFile(path))).toBeUndefined();
  copyFileSync(fixture("nano", "config.json"), join(path, "..", "config.json"));
  expect(yarnBetas(openModelFile(path))).toEqual({ fast: 1, slow: 1 });
});
