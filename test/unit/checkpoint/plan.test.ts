import { expect, test } from "vitest";
import { localFiles } from "../../../src/checkpoint/checkpoint-files.ts";
import { describeModel } from "../../../src/checkpoint/describe-model.ts";
import { asType } from "../../../src/checkpoint/describe-quantisation.ts";
import { kTransformersFlags, llamaFlags } from "../../../src/checkpoint/plan-flags.ts";
import { planPlacement, type PlanRequest } from "../../../src/checkpoint/plan-placement.ts";
import { predictSpeed } from "../../../src/checkpoint/plan-speed.ts";
import { readCheckpoint } from "../../../src/checkpoint/read-checkpoint.ts";
import { fixture, nanoModel } from "../../support/golden.ts";

const folder = fixture("configs", "kimi-k2-instruct");
const checkpoint = describeModel(await readCheckpoint(localFiles(folder)));
const k2 = asType(checkpoint, "q4_k");
const gigabyte = 1e9;

function plan(options: Partial<PlanRequest> = {}) {
  const request = {
    model: k2,
    context: 32_768,
    gpus: [{ name: "RTX 4090", memoryBytes: 24 * gigabyte }],
    ramBytes: 640 * gigabyte,
    threads: 32,
    kvType: "f16" as const,
    ...options,
  };
  return planPlacement(request);
}

const device = (placement: ReturnType<typeof plan>, index: number) => {
  const found = placement.devices[index];
  if (!found) throw new Error(`no device ${index}`);
  return found;
};

test("one GPU takes attention, dense and shared experts and the KV cache, the CPU the experts", () => {
  const placement = plan();
  expect(placement).toMatchObject({ fits: true, gpuLayers: 62 });
  const [gpu, cpu] = [device(placement, 0), device(placement, 1)];
  expect(gpu.layers).toHaveLength(61);
  expect(gpu.parts["KV cache"]).toBe(70_272 * 32_768);
  expect(gpu.parts.experts + cpu.parts.experts).toBeCloseTo(k2.weights.parts.experts.bytes, 0);
  expect(cpu.layers).toEqual([]);
  expect(cpu.parts.embeddings).toBe(k2.weights.input.bytes);
  const flags = llamaFlags(k2, placement).join(" ");
  expect(flags).toContain("-c 32768 -ngl 62");
  expect(flags).toContain(" --yarn-beta-fast 1 --yarn-beta-slow 1");
  expect(flags).not.toContain("-ctk");
});

test("nothing of the model is lost or counted twice, wherever it goes", () => {
  for (const memory of [8, 12, 24, 48, 96, 700]) {
    for (const count of [0, 1, 2, 3]) {
      const gpus = Array.from({ length: count }, (_, index) => ({
        name: `GPU ${index}`,
        memoryBytes: memory * gigabyte,
      }));
      const { devices, kvBytes } = plan({ gpus });
      const sum = (
        part: "experts" | "embeddings" | "KV cache" | "attention" | "dense" | "shared experts",
      ) => devices.reduce((total, { parts }) => total + parts[part], 0);
      const weights =
        sum("experts") +
        sum("embeddings") +
        sum("attention") +
        sum("dense") +
        sum("shared experts");
      expect(weights / k2.weights.total.bytes).toBeCloseTo(1, 9);
      expect(sum("KV cache") / kvBytes).toBeCloseTo(1, 9);
      expect(devices.flatMap(({ layers }) => layers).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 61 }, (_, layer) => layer),
      );
      expect(
        devices.filter(({ kind, missingBytes }) => kind === "gpu" && missingBytes > 0),
      ).toEqual([]);
    }
  }
});

test("more memory takes experts from the end, and --n-cpu-moe says how many stay", () => {
  const placement = plan({ gpus: [{ name: "H200", memoryBytes: 141 * gigabyte }] });
  const gpu = device(placement, 0);
  expect(gpu.expertLayers.at(-1)).toBe(60);
  expect(gpu.expertLayers.length).toBeGreaterThan(10);
  const flags = llamaFlags(k2, placement);
  expect(flags[flags.indexOf("--n-cpu-moe") + 1]).toBe(String(gpu.expertLayers[0]));
});

test("several GPUs get consecutive layers in proportion, and overrides name their experts", () => {
  const gpus = [80, 40].map((size, index) => ({
    name: `GPU ${index}`,
    memoryBytes: size * gigabyte,
  }));
  const placement = plan({ gpus });
  const [first, second] = [device(placement, 0), device(placement, 1)];
  expect(first.layers.length / second.layers.length).toBeCloseTo(2, 0);
  expect(first.expertLayers.length).toBeGreaterThan(0);
  const flags = llamaFlags(k2, placement);
  expect(flags[flags.indexOf("-ts") + 1]).toBe(
    `${first.layers.length},${second.layers.length + 1}`,
  );
  const overrides = flags.filter((_, index) => flags[index - 1] === "-ot");
  expect(overrides).toHaveLength(3);
  expect(overrides.at(-1)).toBe(String.raw`\.ffn_(up|down|gate|gate_up)_(ch|)exps=CPU`);
  const pattern = new RegExp(overrides[0]?.replace(/=CUDA0$/, "") ?? "");
  expect(pattern.test(`blk.${first.expertLayers[0]}.ffn_up_exps.weight`)).toBe(true);
  expect(pattern.test("blk.60.ffn_up_exps.weight")).toBe(false);
  expect(overrides[0]).toMatch(/=CUDA0$/);
});

test("a GPU too small for all attention gets as many last layers as fit", () => {
  const placement = plan({ gpus: [{ name: "small", memoryBytes: 6 * gigabyte }] });
  expect(placement.gpuLayers).toBeGreaterThan(0);
  expect(placement.gpuLayers).toBeLessThan(62);
  expect(device(placement, 0).layers.at(-1)).toBe(60);
  expect(device(placement, 1).layers[0]).toBe(0);
  expect(llamaFlags(k2, placement)).toContain("--cpu-moe");
});

test("without a GPU all is the CPU's, and what is missing is said", () => {
  const placement = plan({ gpus: [], ramBytes: 512 * gigabyte });
  expect(placement).toMatchObject({ fits: false, gpuLayers: 0 });
  const cpu = device(placement, 0);
  expect(cpu.missingBytes).toBeCloseTo(cpu.usedBytes - 512 * gigabyte, 0);
  expect(cpu.missingBytes / gigabyte).toBeGreaterThan(60);
  expect(llamaFlags(k2, placement).join(" ")).not.toMatch(/cpu-moe|-ot|-ts/);
});

test("what is asked for is obeyed, even where it does not fit", () => {
  const placement = plan({ gpuLayers: 62, nCpuMoe: 10 });
  expect(placement.fits).toBe(false);
  expect(device(placement, 0).expertLayers[0]).toBe(10);
  expect(llamaFlags(k2, placement).join(" ")).toContain("--n-cpu-moe 10");
  expect(plan({ gpuLayers: 0 }).devices[0]).toMatchObject({ usedBytes: 0, layers: [] });
});

test("a quantised KV cache is smaller and says both types", () => {
  const placement = plan({ kvType: "q8_0" });
  expect(placement.kvBytes).toBe(37_332 * 32_768);
  expect(llamaFlags(k2, placement).join(" ")).toContain("-ctk q8_0 -ctv q8_0");
});

test("the bound of the CPU alone is RAM bandwidth by what a token reads", () => {
  const placement = plan({ gpus: [], ramBandwidth: 300e9 });
  const speed = predictSpeed(k2, placement);
  const active = (k2.activeParameters.withoutInputEmbedding * 4.5) / 8;
  expect(speed.bound).toBeCloseTo(300e9 / active, 3);
  expect(speed.boundAtFullContext).toBeLessThan(speed.bound);
  expect(speed.expected).toBeLessThan(speed.bound);
});

test("a measured machine of k2-facts §4.10 lies between half and the whole of what is predicted", () => {
  const placement = plan({
    gpus: [{ name: "NVIDIA RTX PRO 6000 Blackwell", memoryBytes: 96 * gigabyte }],
    ramBytes: 736 * gigabyte,
    ramBandwidth: 614e9, // 12 channels of DDR5-6400
  });
  const speed = predictSpeed(k2, placement);
  expect(speed.devices[0]).toMatchObject({ bandwidth: 1_792e9, isAssumed: false });
  expect(speed.expected).toBeGreaterThan(22.05 / 1.25);
  expect(speed.expected).toBeLessThan(22.05 * 1.25);
});

test("KTransformers' flags are for the checkpoint as it is", () => {
  const placement = plan({
    model: checkpoint,
    gpus: [{ name: "RTX 4090", memoryBytes: 48 * gigabyte }],
    ramBytes: 1_200 * gigabyte,
  });
  const { flags, lacks } = kTransformersFlags(checkpoint, placement);
  expect(lacks).toEqual([]);
  const text = flags.join(" ");
  expect(text).toContain(`--model ${folder} --kt-weight-path ${folder} --kt-method FP8`);
  const onGpu = Number(/--kt-num-gpu-experts (\d+)/.exec(text)?.[1]);
  expect(onGpu).toBeGreaterThan(0);
  const small = kTransformersFlags(
    checkpoint,
    plan({ model: checkpoint, gpus: [{ name: "small", memoryBytes: 8 * gigabyte }] }),
  );
  expect(small.lacks.join()).toMatch(/GB of GPU memory/);
});

test("the embedded model fits anywhere, and its plan has no experts left on the CPU", async () => {
  const model = describeModel(await readCheckpoint(localFiles(nanoModel)));
  const placement = plan({ model, context: 8_192 });
  expect(placement.fits).toBe(true);
  expect(device(placement, 0).expertLayers).toEqual([1, 2, 3, 4]);
  expect(llamaFlags(model, placement).join(" ")).not.toContain("moe");
});

test("an unknown type and a model without layers are refused", () => {
  expect(() => asType(k2, "q9")).toThrow(/there is no type q9/);
  expect(() => plan({ model: { ...k2, architecture: undefined } })).toThrow(
    /is not known what its layers weigh/,
  );
});
