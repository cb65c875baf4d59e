/** Plans that parse and would die at the start, or under load. */
import { expect, test } from "vitest";
import { clusterOf, type ClusterOptions } from "../../../src/cluster/cluster.ts";
import type { DeploymentPlan } from "../../../src/cluster/deployment-plan.ts";
import { findKnownModel } from "../../../src/cluster/known-models.ts";
import { planDeployment } from "../../../src/cluster/plan-deployment.ts";
import type { DeployRequest } from "../../../src/cluster/serving-engine.ts";
import { deployRequest } from "../../support/deploy-request.ts";

async function plan(
  hardware: ClusterOptions,
  wanted: Partial<DeployRequest> & { readonly known?: string } = {},
): Promise<DeploymentPlan> {
  const { known = "Kimi-K2-Instruct", ...rest } = wanted;
  const model = findKnownModel(known);
  if (!model) throw new Error(`${known} is not known`);
  return planDeployment(await deployRequest({ cluster: clusterOf(hardware), model, ...rest }));
}

function valueOf(
  { nodes }: DeploymentPlan,
  flag: string,
  name = nodes[0]?.name,
): string | undefined {
  const argv = nodes.find((node) => node.name === name)?.argv ?? [];
  const at = argv.indexOf(flag);
  return at < 0 ? undefined : argv[at + 1];
}

const h200 = (nodes: number): ClusterOptions => ({ gpu: "h200", gpus: 8 * nodes, nodes });

test("SGLang's ranks have as many experts each, with copies where 384 can't be shared evenly", async () => {
  const five = await plan(h200(5), { engine: "sglang" });
  expect(valueOf(five, "--ep-num-redundant-experts")).toBe("16"); // 400 = 40 × 10
  const two = await plan(h200(2), { engine: "sglang", layout: "dp-ep" });
  expect(valueOf(two, "--ep-num-redundant-experts")).toBeUndefined(); // 384 = 16 × 24
  const split = await plan(h200(8), { engine: "sglang", split: { prefill: 5, decode: 3 } });
  expect(valueOf(split, "--ep-num-redundant-experts", "prefill-0")).toBe("16");
  expect(valueOf(split, "--ep-num-redundant-experts", "decode-0")).toBe("24");
});

test("TensorRT-LLM's parts of experts are whole blocks, or there is no such layout", async () => {
  const wanted = { engine: "tensorrt-llm" } as const;
  expect(valueOf(await plan(h200(3), wanted), "--ep_size")).toBe("24");
  expect(valueOf(await plan(h200(2), wanted), "--ep_size")).toBe("8");
  await expect(plan(h200(5), wanted)).rejects.toMatchObject({
    message: "tensorrt-llm has no layout for 40 H200 on 5 hosts",
  });
});

test("GPUs that TensorRT-LLM has no kernels for are refused", async () => {
  for (const gpu of ["a100", "l40s", "rtx 4090"])
    await expect(plan({ gpu, gpus: 16 }, { engine: "tensorrt-llm" })).rejects.toMatchObject({
      message: expect.stringContaining("has no FP8 in blocks for"),
      hint: expect.stringContaining("H200"),
    });
});

test("DeepEP is only asked of GPUs that it is made for", async () => {
  const wanted = { engine: "sglang", layout: "dp-ep" } as const;
  const backend = async (gpu: string) =>
    valueOf(await plan({ gpu, gpus: 32 }, wanted), "--moe-a2a-backend");
  expect(await backend("h20")).toBe("deepep");
  expect(await backend("mi300x")).toBe("mori");
  expect(await backend("a100")).toBeUndefined();
  const cards = await plan({ gpu: "rtx 6000 pro", gpus: 32 }, wanted);
  expect(valueOf(cards, "--ep-size")).toBe("32");
  expect(cards.notes.join(" ")).toContain("DeepEP is not made for RTX 6000 Pro");
  await expect(
    plan({ gpu: "mi300x", gpus: 64 }, { engine: "sglang", layout: "split" }),
  ).rejects.toMatchObject({ message: expect.stringContaining("no layout split") });
});

test("SGLang's ranks get whole numbers of requests, and DeepEP room for them", async () => {
  const wanted = { engine: "sglang", layout: "dp-ep", context: 2_048 } as const;
  for (const [concurrency, all, each] of [
    [10, "16", "1"],
    [31, "32", "2"],
    [4_096, "4096", "256"],
    [undefined, "2048", "128"],
  ] as const) {
    const made = await plan(h200(2), { ...wanted, concurrency });
    expect(valueOf(made, "--max-running-requests")).toBe(all);
    expect(made.nodes[0]?.env["SGLANG_DEEPEP_NUM_MAX_DISPATCH_TOKENS_PER_RANK"]).toBe(each);
  }
  await expect(
    plan(h200(16), { engine: "sglang", layout: "split", context: 512, concurrency: 200_000 }),
  ).rejects.toMatchObject({ message: expect.stringContaining("200000 requests at a time") });
});

test("a split that nobody said the requests of has the guide's on each decode rank", async () => {
  const made = await plan(h200(16), {
    engine: "sglang",
    split: { prefill: 4, decode: 12 },
    context: 2_176,
  });
  expect(valueOf(made, "--max-running-requests", "decode-0")).toBe("46080");
  const long = await plan(h200(16), { engine: "sglang", split: { prefill: 4, decode: 12 } });
  expect(Number(valueOf(long, "--max-running-requests", "decode-0"))).toBe(
    long.memory.maxConcurrency,
  );
});

test("a step has room for a token of each request", async () => {
  const vllm = await plan(h200(2), { concurrency: 10_000, context: 64 });
  expect(Number(valueOf(vllm, "--max-num-batched-tokens"))).toBeGreaterThanOrEqual(
    Number(valueOf(vllm, "--max-num-seqs")),
  );
  const trt = await plan(h200(2), {
    engine: "tensorrt-llm",
    concurrency: 6_000,
    context: 1_024,
  });
  expect(valueOf(trt, "--max_batch_size")).toBe("375"); // of each of 16 ranks
});

test("what the figures are of is written, since engines' own choices differ by version", async () => {
  const { nodes } = await plan(h200(2));
  expect(nodes[0]?.argv.join(" ")).toContain(
    "--max-num-batched-tokens 8192 --max-num-seqs 256 --gpu-memory-utilization 0.9",
  );
  const sglang = await plan(h200(2), { engine: "sglang" });
  expect(sglang.nodes[0]?.argv.join(" ")).toContain(
    "--mem-fraction-static 0.85 --chunked-prefill-size 8192",
  );
});

test("more requests need more room for their logits", async () => {
  const activation = async (concurrency: number) =>
    (await plan(h200(2), { layout: "tp", context: 1_024, concurrency })).memory.perGpu
      .activationBytes;
  expect((await activation(800)) - (await activation(100))).toBeCloseTo(700 * 163_840 * 12, -3);
});

test("Ray's driver is told where Ray is", async () => {
  const { nodes } = await plan(h200(2), { engineVersion: "0.10.0" });
  expect(nodes.at(-1)?.env).toEqual({ RAY_ADDRESS: "node-0:6379" });
});

test("addresses of IPv6 are in brackets before a port", async () => {
  const hosts = ["fd00::1", "[fd00::2]:2233"];
  const made = await plan({ ...h200(2), hosts }, { engine: "sglang" });
  expect(valueOf(made, "--dist-init-addr")).toBe("[fd00::1]:50000");
  expect(made.nodes[1]?.host).toMatchObject({ name: "fd00--2", address: "fd00::2", sshPort: 2233 });
});

test("a host's ssh user and port are no part of its address", async () => {
  const hosts = ["root@10.0.0.1:2233", "root@10.0.0.2:2233"];
  const made = await plan({ ...h200(2), hosts });
  expect(valueOf(made, "--master-addr")).toBe("10.0.0.1");
  expect(made.nodes[1]?.host).toMatchObject({ sshUser: "root", sshPort: 2233 });
  const trt = await plan({ ...h200(2), hosts }, { engine: "tensorrt-llm" });
  expect(valueOf(trt, "plm_rsh_args")).toBe("-p 2233 -l root");
  await expect(
    plan({ ...h200(2), hosts: ["a:22", "b:23"] }, { engine: "tensorrt-llm" }),
  ).rejects.toMatchObject({ message: expect.stringContaining("by the same ssh port and user") });
  const plain = await plan({ ...h200(2), hosts: ["a", "b"] }, { engine: "tensorrt-llm" });
  expect(plain.nodes[0]?.argv).not.toContain("plm_rsh_args"); // ssh's own configuration says it
});

test("mpirun hands on the path and what NCCL needs", async () => {
  const cluster = { ...clusterOf(h200(2)), networkInterface: "eth1" };
  const { nodes } = await plan(h200(2), { engine: "tensorrt-llm", cluster });
  expect(nodes[0]?.argv.join(" ")).toContain("-x PATH -x GLOO_SOCKET_IFNAME -x NCCL_SOCKET_IFNAME");
  expect(nodes[0]?.env).toMatchObject({ NCCL_SOCKET_IFNAME: "eth1" });
});

test("KTransformers keeps room for the whole context before experts", async () => {
  const cluster = { ...clusterOf({ gpu: "h200", gpus: 1 }), ramBytes: 2 ** 41 };
  const { memory } = await plan({ gpu: "h200", gpus: 1 }, { engine: "ktransformers", cluster });
  expect(memory.context).toBe(131_072);
});

test.each([
  ["vllm", { concurrency: 1_000_000 }],
  ["sglang", { concurrency: 1_000_000 }],
  ["tensorrt-llm", { concurrency: 1_000_000 }],
  ["vllm", { context: 131_072, concurrency: 64, layout: "tp" }],
] as const)("%s, %j: the refusal says real numbers", async (engine, wanted) => {
  const refusal: unknown = await plan(h200(2), { engine, ...wanted }).catch(
    (error: unknown) => error,
  );
  const { message } = refusal as { readonly message: string };
  expect(message).not.toMatch(/\b0 tokens|0\.0 GiB/);
  expect(message).toMatch(/missing|has no layout/);
});

test("a larger cluster is proposed as one is built: hosts filled first, a split as a split", async () => {
  await expect(plan({ gpu: "h200", gpus: 1 })).rejects.toMatchObject({
    hint: expect.stringContaining("8 H200 (--gpus 8 --nodes 1)"),
  });
  const split = { engine: "sglang", split: { prefill: 1, decode: 1 } } as const;
  const refusal: unknown = await plan(h200(2), split).catch((error: unknown) => error);
  const { hint } = refusal as { readonly hint: string };
  const [, gpus, nodes, prefill, decode] =
    /--gpus (\d+) --nodes (\d+) --split (\d+):(\d+)/.exec(hint)?.map(Number) ?? [];
  await expect(
    plan(
      { gpu: "h200", gpus: gpus ?? 0, nodes: nodes ?? 0 },
      { engine: "sglang", split: { prefill: prefill ?? 0, decode: decode ?? 0 } },
    ),
  ).resolves.toBeDefined();
  await expect(plan({ ...h200(1), gpu: "h100", hosts: ["a"] })).rejects.toMatchObject({
    hint: "Nearest that would: 16 H100 on 2 hosts.",
  });
});

test("no context under the least that makes a plan is proposed", async () => {
  const wanted = { context: 131_072, concurrency: 64 };
  const refusal: unknown = await plan(h200(1), wanted).catch((error: unknown) => error);
  expect((refusal as { readonly hint: string }).hint).not.toContain("--context");
});

test("pipeline stages decode several requests faster together than one after the other", async () => {
  const speed = async (concurrency: number) =>
    (await plan(h200(2), { layout: "tp-pp", context: 1_024, concurrency })).memory
      .decodeTokensPerSecond.total;
  expect((await speed(2)) / (await speed(1))).toBeCloseTo(2, 1);
});

test.each([
  ["NVIDIA H100 80GB HBM3", "H100"],
  ["NVIDIA A100-SXM4-80GB", "A100"],
  ["NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX 6000 Pro"],
  ["NVIDIA H20", "H20"],
])("what nvidia-smi prints is understood: %s", (gpu, name) => {
  expect(clusterOf({ gpu, gpus: 8 }).accelerator.name).toBe(name);
});

test.each([
  [{ gpu: "h200", gpus: 1e8 }, "--gpus 100000000 is no number of them"],
  [{ gpu: "h200", gpus: 1e20 }, "is no number of them"],
  [{ ...h200(2), hosts: ["a b", "c;d"] }, '--hosts names "a b", which is no host'],
  [{ ...h200(2), hosts: ["a", ""] }, '--hosts names "", which is no host'],
  [{ ...h200(2), hosts: ["a:99999", "b"] }, '--hosts names "a:99999", which is no host'],
])("%j is refused: %s", (hardware, message) => {
  expect(() => clusterOf(hardware)).toThrow(
    expect.objectContaining({ message: expect.stringContaining(message), exitCode: 2 }),
  );
});

test("the endpoint's port is none that the plan's processes meet at", async () => {
  const split = { engine: "sglang", split: { prefill: 4, decode: 4 } } as const;
  for (const { wanted, nodes, port, name } of [
    { wanted: { engine: "vllm", layout: "tp" }, nodes: 2, port: 29_501, name: "node-0" },
    { wanted: { engine: "vllm", layout: "dp-ep" }, nodes: 2, port: 13_345, name: "node-0" },
    { wanted: { engine: "sglang", layout: "tp" }, nodes: 2, port: 50_000, name: "node-0" },
    { wanted: split, nodes: 8, port: 30_000, name: "prefill-0" },
    { wanted: split, nodes: 8, port: 5_757, name: "prefill-0" },
    { wanted: split, nodes: 8, port: 8_998, name: "prefill-0" },
  ] as const) {
    await expect(plan(h200(nodes), { ...wanted, port })).rejects.toThrow(
      `--port ${port} is taken: ${name} listens there for the plan's other processes`,
    );
    expect((await plan(h200(nodes), { ...wanted, port: port + 1 })).endpoint.port).toBe(port + 1);
  }
  expect((await plan(h200(1), { engine: "vllm", port: 29_501 })).endpoint.port).toBe(29_501);
});
