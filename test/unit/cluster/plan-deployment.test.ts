import { expect, test } from "vitest";
import { clusterOf, type ClusterOptions } from "../../../src/cluster/cluster.ts";
import type { DeploymentPlan } from "../../../src/cluster/deployment-plan.ts";
import { findKnownModel } from "../../../src/cluster/known-models.ts";
import { planDeployment } from "../../../src/cluster/plan-deployment.ts";
import type { DeployRequest } from "../../../src/cluster/serving-engine.ts";
import { deployRequest } from "../../support/deploy-request.ts";

const plan = async (
  hardware: ClusterOptions,
  wanted: Partial<DeployRequest> & { readonly known?: string } = {},
): Promise<DeploymentPlan> => {
  const { known = "Kimi-K2-Instruct", ...rest } = wanted;
  const model = findKnownModel(known);
  if (!model) throw new Error(`${known} is not known`);
  return planDeployment(await deployRequest({ cluster: clusterOf(hardware), model, ...rest }));
};

// k2-facts §6.6: the fewest GPUs of each kind.
test.each([
  ["h100", 16, "Kimi-K2-Instruct"],
  ["h200", 8, "Kimi-K2-Instruct"],
  ["b200", 8, "Kimi-K2-Instruct"],
  ["a100", 16, "Kimi-K2-Instruct"],
  ["h20", 16, "Kimi-K2-Instruct"],
  ["mi300x", 8, "Kimi-K2-Instruct"],
  ["mi325x", 8, "Kimi-K2-Instruct"],
  ["mi355x", 8, "Kimi-K2-Instruct"],
  ["h100", 16, "Kimi-K2-Thinking"],
  ["h200", 8, "Kimi-K2-Thinking"],
  ["b200", 4, "Kimi-K2-Thinking"],
  ["a100", 16, "Kimi-K2-Thinking"],
  ["h20", 8, "Kimi-K2-Thinking"],
  ["mi300x", 4, "Kimi-K2-Thinking"],
])("as is published, %s × %i serve %s", async (gpu, gpus, known) => {
  const { memory } = await plan({ gpu, gpus }, { known });
  expect(memory.maxContext).toBeGreaterThan(8_192);
});

test.each([
  ["h100", 8, "Kimi-K2-Instruct"],
  ["h20", 8, "Kimi-K2-Instruct"],
  ["a100", 8, "Kimi-K2-Instruct"],
  ["h100", 8, "Kimi-K2-Thinking"],
  ["a100", 8, "Kimi-K2-Thinking"],
])("%s × %i are too few for %s, and 16 are said to be enough", async (gpu, gpus, known) => {
  await expect(plan({ gpu, gpus }, { known })).rejects.toMatchObject({
    code: "does-not-fit",
    message: expect.stringMatching(/does not fit: [\d.]+ GiB are missing on each of 8/),
    hint: expect.stringContaining("--gpus 16 --nodes 2"),
  });
});

test("what is asked for decides the layout: tensor parallel for few requests, data parallel for many", async () => {
  const hardware = { gpu: "h200", gpus: 16, nodes: 2 };
  const few = await plan(hardware, { context: 131_072, concurrency: 4 });
  const many = await plan(hardware, { context: 131_072, concurrency: 64 });
  expect([few.layout.kind, many.layout.kind]).toEqual([
    "tensor parallel",
    "data and expert parallel",
  ]);
  expect(few.memory.maxConcurrency).toBeGreaterThanOrEqual(4);
  expect(few.memory.maxConcurrency).toBeLessThan(64);
  expect(many.memory.maxConcurrency).toBeGreaterThanOrEqual(64);
  expect(many.layout.reasons[0]).toContain("16 times as many tokens");
});

test("a context that does not fit is shortened if nobody asked for it, and refused if somebody did", async () => {
  const hardware = { gpu: "h200", gpus: 8 };
  const shortened = await plan(hardware);
  expect(shortened.memory.context).toBeLessThan(131_072);
  expect(shortened.memory.context % 1_024).toBe(0);
  expect(shortened.nodes[0]?.argv).toContain(`${shortened.memory.context}`);
  expect(shortened.layout.reasons.join(" ")).toContain("131072 tokens do not fit");
  await expect(plan(hardware, { context: 131_072 })).rejects.toMatchObject({
    hint: expect.stringMatching(/--kv-cache fp8, or --context \d+, or 16 H200/),
  });
});

test("what a refusal proposes is accepted", async () => {
  const hardware = { gpu: "h200", gpus: 16 };
  const asked = { context: 131_072, concurrency: 200 };
  const refusal: unknown = await plan(hardware, asked).catch((thrown: unknown) => thrown);
  const { message, hint } = refusal as { readonly message: string; readonly hint: string };
  expect(message).toMatch(/200 × 131,072 tokens need 1715\.6 GiB .* [\d.]+ GiB are missing/);
  const number = (pattern: RegExp): number => Number(pattern.exec(hint)?.[1]);
  const concurrency = number(/--concurrency (\d+)/);
  expect((await plan(hardware, { ...asked, concurrency })).memory.maxConcurrency).toBe(concurrency);
  const context = number(/--context (\d+)/);
  await expect(plan(hardware, { ...asked, context })).resolves.toBeDefined();
  const gpus = number(/--gpus (\d+)/);
  await expect(
    plan({ ...hardware, gpus, nodes: number(/--nodes (\d+)/) }, asked),
  ).resolves.toBeDefined();
});

test("the KV cache in FP8 holds twice as many tokens", async () => {
  const hardware = { gpu: "h200", gpus: 16 };
  const [usual, fp8] = [await plan(hardware), await plan(hardware, { kvCache: "fp8" })];
  expect(fp8.memory.kvCapacityTokens / usual.memory.kvCapacityTokens).toBeCloseTo(2, 4);
  expect(fp8.nodes[0]?.argv.join(" ")).toContain("--kv-cache-dtype fp8");
});

test("more requests decode faster together and slower each", async () => {
  const hardware = { gpu: "h200", gpus: 16 };
  const speeds = [];
  for (const concurrency of [1, 8, 64])
    speeds.push(
      (await plan(hardware, { layout: "dp-ep", context: 8_192, concurrency })).memory
        .decodeTokensPerSecond,
    );
  const totals = speeds.map(({ total }) => total);
  expect(totals).toEqual(totals.toSorted((a, b) => a - b));
  for (const [index, { single, total }] of speeds.entries())
    expect(total).toBeLessThanOrEqual(single * ([1, 8, 64][index] ?? 0) * 1.0001);
});

test("one request of tensor parallelism reads its share of the active weights, and no more", async () => {
  const { memory } = await plan({ gpu: "h200", gpus: 16 }, { context: 1_024 });
  // 21.14 B of experts and 11.72 B of others in FP8, of these the down-projections on each GPU; bandwidth 4.8 TB/s
  const atMost = 4.8e12 / ((31.69e9 + 0.92e9 * 15) / 16);
  expect(memory.decodeTokensPerSecond.single / atMost).toBeGreaterThan(0.8);
  expect(memory.decodeTokensPerSecond.single / atMost).toBeLessThan(1.03);
});

test("KTransformers keeps all experts in RAM, says how much, and refuses less", async () => {
  const cluster = { ...clusterOf({ gpu: "l20", gpus: 8 }), ramBytes: 2 * 2 ** 40 };
  const wanted = { engine: "ktransformers", cpu: "amx", context: 30_000 } as const;
  const { memory, layout } = await plan({ gpu: "l20", gpus: 8 }, { ...wanted, cluster });
  expect(layout.kind).toBe("experts on the CPU");
  expect((memory.hostBytes ?? 0) / 1014.7e9).toBeGreaterThan(1);
  const small = { ...cluster, ramBytes: 2 ** 39 };
  await expect(plan({ gpu: "l20", gpus: 8 }, { ...wanted, cluster: small })).rejects.toMatchObject({
    message: expect.stringMatching(/take 953 GiB of RAM as AMXINT8, and there are 512 GiB: 441/),
  });
});

// Its tutorial (kvcache-ai/ktransformers, Kimi-K2-Thinking-Native.md) has 8 experts on two cards of 48 GB, 30 on four, 80 on eight.
test.each([
  [2, 65_536, 8],
  [4, 80_000, 30],
  [8, 100_000, 80],
])(
  "on %i cards of 48 GB there is room for about as many experts as its tutorial has",
  async (gpus, context, experts) => {
    const { nodes } = await plan(
      { gpu: "l20", gpus },
      { engine: "ktransformers", cpu: "avx512", context, known: "Kimi-K2-Thinking" },
    );
    const argv = nodes[0]?.argv ?? [];
    const chosen = Number(argv[argv.indexOf("--kt-num-gpu-experts") + 1]);
    expect(chosen).toBeGreaterThan(experts / 2);
    expect(chosen).toBeLessThan(experts * 2.5);
  },
);

test.each([
  [{ gpu: "h200", gpus: 0 }, "--gpus 0"],
  [{ gpu: "h200", gpus: 16, nodes: 0 }, "--nodes 0"],
  [{ gpu: "h200", gpus: 16, nodes: 3 }, "16 GPUs can't be shared evenly by 3 nodes"],
  [{ gpu: "h200", gpus: 16, nodes: 2, hosts: ["a"] }, "--hosts names 1, and there are 2 nodes"],
  [{ gpu: "h200", gpus: 16, nodes: 2, hosts: ["a", "a"] }, "--hosts names a twice"],
  [{ gpu: "h201", gpus: 16 }, "GPU h201 is not in the catalogue"],
])("%j: %s", (hardware, message) => {
  expect(() => clusterOf(hardware)).toThrow(
    expect.objectContaining({ message: expect.stringContaining(message), exitCode: 2 }),
  );
});

test("more context than the model has is refused", async () => {
  await expect(plan({ gpu: "h200", gpus: 16 }, { context: 262_144 })).rejects.toMatchObject({
    message: expect.stringContaining("--context 262144 is more than"),
    hint: "It has 131072 tokens.",
  });
});

test("KTransformers refuses a second host, TensorRT-LLM a GPU of AMD's", async () => {
  await expect(
    plan({ gpu: "l20", gpus: 16, nodes: 2 }, { engine: "ktransformers" }),
  ).rejects.toMatchObject({ message: "ktransformers runs on one host, and there are 2" });
  await expect(plan({ gpu: "mi300x", gpus: 8 }, { engine: "tensorrt-llm" })).rejects.toMatchObject({
    message: "tensorrt-llm does not run on MI300X",
  });
});

test("weights that FP8 can't multiply are said to be unpacked", async () => {
  const { notes } = await plan({ gpu: "a100", gpus: 16 });
  expect(notes.join(" ")).toContain("A100 does not multiply FP8");
});

test("stand-ins for hosts are said to be some, and a single node is this machine", async () => {
  const two = await plan({ gpu: "h200", gpus: 16 });
  expect(two.notes[0]).toContain("node-0, node-1 stand for your hosts");
  const one = await plan({ gpu: "h200", gpus: 8 });
  expect(one.nodes[0]?.host.address).toBe("localhost");
  expect(one.notes.join(" ")).not.toContain("stand for");
});

test("an engine that does not know kimi_k2 is told another type, and K2's calls are then read by us", async () => {
  const hardware = { gpu: "h200", gpus: 16 };
  const asked = await plan(hardware, { modelType: "deepseek_v3" });
  const argv = asked.nodes[0]?.argv ?? [];
  expect(argv[argv.indexOf("--hf-overrides") + 1]).toBe('{"model_type":"deepseek_v3"}');
  expect(asked.notes.join(" ")).toContain("reads the checkpoint's model_type as deepseek_v3");
  expect(asked.endpoint.protocol).toBe("chat"); // this version has the parser all the same
  const without = await plan(hardware, {
    modelType: "deepseek_v3",
    choicesOf: () => ["hermes", "deepseek_v3"],
  });
  expect(without.endpoint.protocol).toBe("completions");
  expect(without.nodes[0]?.argv).not.toContain("--tool-call-parser");
  expect(without.notes.join(" ")).toMatch(
    /has no tool-call parser for K2: kimi .* parses the calls itself/,
  );
  const file = await plan(hardware, { engine: "tensorrt-llm", modelType: "deepseek_v3" });
  expect(file.notes.join(" ")).toContain('set "model_type": "deepseek_v3" in the checkpoint');
});
