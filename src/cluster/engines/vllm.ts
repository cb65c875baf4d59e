/** vLLM: tensor parallel, with pipeline stages, or data parallel with expert parallelism (Moonshot's guide, k2-facts §6.1). */
import { firstHost, withPort } from "../cluster.ts";
import type { NodeCommand } from "../deployment-plan.ts";
import type {
  Candidate,
  Choice,
  Commands,
  DeployRequest,
  ServingEngine,
} from "../serving-engine.ts";
import { tensorParallelProblem } from "../tensor-parallel.ts";
import { pipelineSpread } from "./usual-spreads.ts";
import { budgetsFor, expertCandidates, tensorCandidates } from "./usual-candidates.ts";
import { rayNodes, rayPort } from "./vllm-ray.ts";
import { layoutSizes } from "./layout-sizes.ts";
import { environmentOf } from "./network-environment.ts";
import { openEndpointNote, toolCallFlags } from "./tool-call-flags.ts";

const program = ["vllm", "serve"] as const;
const command = program.join(" ");
/** Of the data-parallel ranks' coordinator, and of `torch.distributed`. */
const dataParallelPort = 13_345;
const masterPort = 29_501;

/** What vLLM did by itself for long. It is always written, since versions differ: 0.33 takes 92 % and 16,384 tokens on large GPUs. */
const usualBudget = {
  of: "everything",
  fraction: 0.9,
  batchedTokens: 8_192,
  sequences: 256,
} as const;
const tightBudget = { ...usualBudget, fraction: 0.95, batchedTokens: 2_048 } as const;
/** The guide's, for expert parallelism. */
const expertBudget = { ...usualBudget, fraction: 0.85 } as const;
const tightExpertBudget = { ...expertBudget, fraction: 0.93, batchedTokens: 2_048 } as const;

export const vllm: ServingEngine = { candidates, commands };

function candidates(request: DeployRequest): Candidate[] {
  const { layout } = request;
  const all = [
    ...tensorCandidates(request, [usualBudget, tightBudget]),
    ...expertCandidates(request, { budgets: [expertBudget, tightExpertBudget] }),
    ...pipelineCandidates(request),
  ];
  return layout === undefined ? all : all.filter(({ name }) => name === layout);
}

function pipelineCandidates(request: DeployRequest): Candidate[] {
  const { gpusPerHost, hosts } = request.cluster;
  if (hosts.length === 1 || tensorParallelProblem(request.model, gpusPerHost) !== undefined)
    return [];
  return [
    {
      name: "tp-pp",
      layout: {
        kind: "tensor and pipeline parallel",
        ...layoutSizes({ tensorParallel: gpusPerHost, pipelineParallel: hosts.length }),
      },
      reason:
        "Tensor parallelism stays within a host and the hosts pass on hidden states only, which a slow network bears.",
      spread: pipelineSpread(gpusPerHost, hosts.length),
      budgets: budgetsFor(request, 1, [usualBudget, tightBudget]),
    },
  ];
}

function commands(request: DeployRequest, choice: Choice): Commands {
  const { cluster, port } = request;
  const { hosts } = cluster;
  const first = firstHost(cluster);
  const isDataParallel = choice.candidate.name === "dp-ep";
  const common = commonFlags(request, choice);
  const needsRay = hosts.length > 1 && !isDataParallel && !request.hasFlag(command, "--nnodes");
  const nodes: NodeCommand[] = (needsRay ? [first] : hosts).map((host, index) => ({
    name: host.name,
    role: index === 0 ? "serve" : "worker",
    host,
    argv: [
      ...program,
      request.modelArgument,
      ...(index === 0 ? [] : ["--headless"]),
      ...(isDataParallel
        ? dataParallelFlags(request, index)
        : tensorParallelFlags(request, { index, choice, needsRay })),
      ...common,
    ],
    env: {
      ...environmentOf(request),
      // Without it vLLM would start a Ray of its own where it finds none yet.
      ...(needsRay ? { RAY_ADDRESS: withPort(first.address, rayPort) } : {}),
    },
    ...(index === 0 ? { health: { port, path: "/health" } } : {}),
    ...(index === 0 && hosts.length > 1 && !needsRay
      ? { peerPorts: [isDataParallel ? dataParallelPort : masterPort] }
      : {}),
  }));
  return {
    nodes: [...(needsRay ? rayNodes(request) : []), ...nodes],
    files: [],
    endpoint: { host: first, port, protocol: toolCallFlags(request, command).protocol },
    notes: notes(request, choice),
  };
}

function tensorParallelFlags(
  { cluster }: DeployRequest,
  {
    index,
    choice,
    needsRay,
  }: { readonly index: number; readonly choice: Choice; readonly needsRay: boolean },
): string[] {
  const { tensorParallel, pipelineParallel } = choice.candidate.layout;
  return [
    "--tensor-parallel-size",
    `${tensorParallel}`,
    ...(pipelineParallel > 1 ? ["--pipeline-parallel-size", `${pipelineParallel}`] : []),
    ...(needsRay ? ["--distributed-executor-backend", "ray"] : []),
    ...(cluster.hosts.length > 1 && !needsRay
      ? [
          ["--nnodes", `${cluster.hosts.length}`],
          ["--node-rank", `${index}`],
          ["--master-addr", firstHost(cluster).address],
          ["--master-port", `${masterPort}`],
        ].flat()
      : []),
  ];
}

function dataParallelFlags({ cluster }: DeployRequest, index: number): string[] {
  const { hosts, gpusPerHost } = cluster;
  return [
    ...(index === 0 ? [] : ["--data-parallel-start-rank", `${index * gpusPerHost}`]),
    ["--data-parallel-size", `${hosts.length * gpusPerHost}`],
    ["--data-parallel-size-local", `${gpusPerHost}`],
    ...(hosts.length > 1
      ? [
          ["--data-parallel-address", firstHost(cluster).address],
          ["--data-parallel-rpc-port", `${dataParallelPort}`],
        ]
      : []),
    "--enable-expert-parallel",
  ].flat();
}

function commonFlags(request: DeployRequest, { budget, context, isContextSet }: Choice): string[] {
  const { port, servedName, kvCache, modelType } = request;
  return [
    ["--port", `${port}`],
    ["--served-model-name", servedName],
    "--trust-remote-code",
    ...(isContextSet ? [["--max-model-len", `${context}`]] : []),
    ["--max-num-batched-tokens", `${budget.batchedTokens}`],
    ["--max-num-seqs", `${budget.sequences}`],
    ["--gpu-memory-utilization", `${budget.fraction}`],
    ...(kvCache === "fp8" ? [["--kv-cache-dtype", "fp8"]] : []),
    ...(modelType === undefined
      ? []
      : [["--hf-overrides", JSON.stringify({ model_type: modelType })]]),
    ...toolCallFlags(request, command).flags,
  ].flat();
}

function notes(request: DeployRequest, { candidate }: Choice): string[] {
  return [
    ...(candidate.name === "dp-ep"
      ? [
          "DeepEP and DeepGEMM, where they are installed, make expert parallelism faster (Moonshot's guide).",
        ]
      : []),
    ...toolCallFlags(request, command).notes,
    openEndpointNote,
  ];
}
