/** SGLang: tensor parallel, data and expert parallel, or split in prefill and decode (Moonshot's guide, k2-facts §6.2). */
import type { NodeCommand } from "../deployment-plan.ts";
import type { EngineBudget } from "../gpu-memory.ts";
import type {
  Candidate,
  Choice,
  Commands,
  DeployRequest,
  ServingEngine,
} from "../serving-engine.ts";
import { tensorParallelProblem } from "../tensor-parallel.ts";
import { layoutSizes } from "./layout-sizes.ts";
import { splitCandidate, splitCommands } from "./sglang-split.ts";
import {
  dataParallelAttention,
  deepEpFlags,
  environmentOf,
  sglangCommand,
  sglangProgram,
  valueFlags,
} from "./sglang-flags.ts";
import { openEndpointNote, toolCallFlags } from "./tool-call-flags.ts";
import { dataExpertSpread, tensorSpread } from "./usual-spreads.ts";

const distributedPort = 50_000;

/** About what SGLang chooses by itself on such GPUs, and less room for prefill. */
const usualBudget = { of: "static", fraction: 0.87, batchedTokens: 8_192, sequences: 256 } as const;
const tightBudget = { ...usualBudget, fraction: 0.93, batchedTokens: 2_048 } as const;
const expertBudget = { ...usualBudget, fraction: 0.85 } as const;

export const sglang: ServingEngine = {
  candidates,
  commands: (request, choice) =>
    choice.candidate.name === "split" ? splitCommands(request, choice) : commands(request, choice),
};

function candidates(request: DeployRequest): Candidate[] {
  const { cluster, model, layout, kvCache, split } = request;
  const gpus = cluster.gpusPerHost * cluster.hosts.length;
  const kvBytesPerValue = kvCache === "fp8" ? 1 : 2;
  const budgets = (...list: readonly Omit<EngineBudget, "kvBytesPerValue">[]): EngineBudget[] =>
    list.map((budget) => ({ ...budget, kvBytesPerValue }));
  const tooMany = tensorParallelProblem(model, gpus);
  const all: Candidate[] = [];
  if (!tooMany)
    all.push({
      name: "tp",
      layout: { kind: "tensor parallel", ...layoutSizes({ tensorParallel: gpus }) },
      reason: `Tensor parallelism over ${gpus} GPUs answers one request fastest, and reads no weight twice; each GPU keeps the whole KV cache.`,
      spread: tensorSpread(gpus),
      budgets: budgets(usualBudget, tightBudget),
    });
  if (gpus > 1)
    all.push({
      name: "dp-ep",
      layout: {
        kind: "data and expert parallel",
        ...layoutSizes({ dataParallel: gpus, expertParallel: gpus }),
      },
      reason: `${tooMany ? `No tensor parallelism over ${gpus} GPUs: ${tooMany}. ` : ""}With data-parallel attention each GPU has a KV cache of its own, so that ${gpus} times as many tokens fit; the experts are shared out among all.`,
      spread: dataExpertSpread(gpus),
      budgets: budgets(expertBudget, tightBudget),
    });
  const splitOne = splitCandidate(request);
  if (splitOne) all.unshift(splitOne);
  const wanted = layout ?? (split ? "split" : undefined);
  return wanted === undefined ? all : all.filter(({ name }) => name === wanted);
}

function commands(request: DeployRequest, choice: Choice): Commands {
  const { cluster, port } = request;
  const { hosts } = cluster;
  const [first] = hosts;
  if (!first) throw new Error("a cluster has a host");
  const toolCalls = toolCallFlags(request, sglangCommand);
  const nodes: NodeCommand[] = hosts.map((host, index) => ({
    name: host.name,
    role: index === 0 ? "serve" : "worker",
    host,
    argv: [
      ...sglangProgram,
      "--model-path",
      request.modelArgument,
      ...parallelFlags(request, choice),
      ...(hosts.length > 1
        ? [
            ["--dist-init-addr", `${first.address}:${distributedPort}`],
            ["--nnodes", `${hosts.length}`],
            ["--node-rank", `${index}`],
          ].flat()
        : []),
      "--trust-remote-code",
      ...(index === 0 ? ["--host", "0.0.0.0", "--port", `${port}`] : []),
      ...valueFlags(request, choice),
      ...memoryFlags(choice),
      ...toolCalls.flags,
    ],
    env: environmentOf(request),
    ...(index === 0 ? { health: { port, path: "/health" } } : {}),
  }));
  return {
    nodes,
    files: [],
    endpoint: { host: first, port, protocol: toolCalls.protocol },
    notes: [
      ...(choice.candidate.name === "dp-ep"
        ? ["DeepEP has to be installed on every host for expert parallelism."]
        : []),
      ...toolCalls.notes,
      openEndpointNote,
    ],
  };
}

function parallelFlags(request: DeployRequest, { candidate }: Choice): string[] {
  const { tensorParallel, dataParallel } = candidate.layout;
  if (candidate.name === "tp") return ["--tp-size", `${tensorParallel}`];
  return [
    dataParallelAttention(request, dataParallel),
    deepEpFlags(request),
    ["--moe-dense-tp-size", "1", "--enable-dp-lm-head", "--disable-shared-experts-fusion"],
  ].flat();
}

function memoryFlags({ candidate, budget }: Choice): string[] {
  const isUsual = candidate.name === "tp" && budget.fraction === usualBudget.fraction;
  if (isUsual) return [];
  const ranks = candidate.layout.dataParallel; // the chunk is shared out among them
  return [
    ["--mem-fraction-static", `${budget.fraction}`],
    ["--chunked-prefill-size", `${budget.batchedTokens * ranks}`],
  ].flat();
}
