/** KTransformers: attention on the GPUs of one host, the experts in its RAM (k2-facts §6.3; its own kt-kernel/README). */
import { KimiError, usageError } from "../../errors.ts";
import { gpuMemory, type EngineBudget } from "../gpu-memory.ts";
import type {
  Candidate,
  Choice,
  Commands,
  DeployRequest,
  HostPart,
  ServingEngine,
} from "../serving-engine.ts";
import { firstHost } from "../cluster.ts";
import type { Spread } from "../spread.ts";
import { tensorParallelProblem } from "../tensor-parallel.ts";
import { methodOf, weightsOf, type Method } from "./ktransformers-methods.ts";
import { layoutSizes } from "./layout-sizes.ts";
import { sglangCommand, sglangProgram, valueFlags } from "./sglang-flags.ts";
import { openEndpointNote, toolCallFlags } from "./tool-call-flags.ts";
import { tensorSpread } from "./usual-spreads.ts";

/** Prompts longer than this are computed by the GPUs, a layer at a time, which takes memory: "9GB+" in its tutorial. */
const prefillThreshold = 400;
const layerwiseBytes = 9e9;
const fraction = 0.94;
const prefillChunk = 4_096;
/** Of one socket's RAM, where nobody said: eight channels of DDR5-4800, about three quarters of them. */
const assumedBandwidth = 230e9;
const ramReserve = 8 * 2 ** 30;

export const kTransformers: ServingEngine = { candidates, commands };

/** @throws KimiError for several hosts, or too little RAM. */
function candidates(request: DeployRequest): Candidate[] {
  const { cluster, model, kvCache, layout } = request;
  const { hosts, gpusPerHost } = cluster;
  if (hosts.length > 1)
    throw usageError(
      `ktransformers runs on one host, and there are ${hosts.length}`,
      `Plan for one of them: --gpus ${gpusPerHost} --nodes 1.`,
    );
  if (layout !== undefined) return [];
  const problem = tensorParallelProblem(model, gpusPerHost);
  if (problem !== undefined)
    throw usageError(
      `ktransformers can't use ${gpusPerHost} GPUs: ${problem}`,
      "Use 1, 2, 4 or 8.",
    );
  const method = methodOf(request);
  const budget: EngineBudget = {
    of: "static",
    fraction,
    batchedTokens: prefillChunk,
    sequences: request.concurrency ?? 4,
    kvBytesPerValue: kvCache === "fp8" ? 1 : 2,
    ...(method.isNative ? { otherBytes: layerwiseBytes } : {}),
  };
  const onGpu = gpuExperts(request, budget);
  const host = hostPart(request, method);
  return [
    {
      name: "tp",
      layout: {
        kind: "experts on the CPU",
        ...layoutSizes({ tensorParallel: gpusPerHost }),
      },
      reason: `Attention, dense layers and ${onGpu} of ${model.architecture?.experts?.count} experts of each layer are on the GPUs, all of them in RAM (${method.name}), where the CPU computes the others.`,
      spread: spreadOf(request, onGpu),
      budgets: [budget],
      host,
    },
  ];
}

/** Experts of each layer that the GPUs' memory has room for beside the context. */
function gpuExperts(request: DeployRequest, budget: EngineBudget): number {
  const { model, cluster } = request;
  const { accelerator, gpusPerHost } = cluster;
  const context = request.context ?? model.architecture?.context ?? 0;
  const count = model.architecture?.experts?.count ?? 0;
  const { perGpu, kvBytesPerToken } = gpuMemory(model, accelerator, {
    spread: spreadOf(request, 0),
    budget,
  });
  const room = perGpu.kvCacheBytes - context * (request.concurrency ?? 1) * kvBytesPerToken;
  const each = model.weights.parts.experts.bytes / count / gpusPerHost;
  return Math.max(0, Math.min(count, Math.floor(room / each)));
}

function spreadOf({ cluster, model }: DeployRequest, onGpu: number): Spread {
  const { gpusPerHost } = cluster;
  const count = model.architecture?.experts?.count ?? 1;
  return {
    ...tensorSpread(gpusPerHost),
    expertShards: onGpu === 0 ? Number.POSITIVE_INFINITY : (gpusPerHost * count) / onGpu,
  };
}

function hostPart({ model, cluster, cpu = "amx" }: DeployRequest, method: Method): HostPart {
  const { ramBytes, ramBandwidth, numaNodes = 1 } = cluster;
  const expertBytes = model.weights.parts.experts.parameters * method.bytesPerValue;
  const bytes = expertBytes + ramReserve;
  if (ramBytes !== undefined && ramBytes < bytes)
    throw new KimiError(
      `${model.name} does not fit: its experts take ${gibibytes(bytes)} of RAM as ${method.name}, and there are ${gibibytes(ramBytes)}: ${gibibytes(bytes - ramBytes)} are missing`,
      {
        code: "does-not-fit",
        hint:
          cpu === "avx2"
            ? "Plan a GGUF of fewer bits with kimi models plan --type q4_k_m."
            : "moonshotai/Kimi-K2-Thinking (INT4) needs 541 GiB; a GGUF of fewer bits is planned by kimi models plan --type q4_k_m.",
      },
    );
  return { bytes, expertBytes, bandwidth: ramBandwidth ?? assumedBandwidth * numaNodes };
}

function commands(request: DeployRequest, choice: Choice): Commands {
  const { cluster, port, cpuWeights, modelArgument } = request;
  const host = firstHost(cluster);
  const method = methodOf(request);
  const toolCalls = toolCallFlags(request, sglangCommand);
  const { spread, layout } = choice.candidate;
  const count = request.model.architecture?.experts?.count ?? 0;
  const onGpu = Math.round((cluster.gpusPerHost * count) / spread.expertShards);
  return {
    nodes: [
      {
        name: host.name,
        role: "serve",
        host,
        argv: [
          ...sglangProgram,
          ["--model-path", modelArgument],
          ["--host", "0.0.0.0", "--port", `${port}`],
          ["--tensor-parallel-size", `${layout.tensorParallel}`],
          ["--kt-weight-path", cpuWeights ?? weightsOf(request, method)],
          ["--kt-method", method.name],
          ["--kt-cpuinfer", `${Math.max(1, (cluster.cores ?? 64) - cluster.gpusPerHost)}`],
          ["--kt-threadpool-count", `${cluster.numaNodes ?? 1}`],
          ["--kt-num-gpu-experts", `${onGpu}`],
          method.isNative ? ["--kt-gpu-prefill-token-threshold", `${prefillThreshold}`] : [],
          ["--kt-max-deferred-experts-per-token", "1"],
          "--trust-remote-code",
          "--disable-shared-experts-fusion",
          ["--mem-fraction-static", `${fraction}`],
          ["--chunked-prefill-size", `${prefillChunk}`],
          ["--max-total-tokens", `${choice.context * (request.concurrency ?? 1)}`],
          ["--max-running-requests", `${choice.budget.sequences}`],
          valueFlags(request, { ...choice, isContextSet: true }),
          toolCalls.flags,
        ].flat(),
        env: {},
        health: { port, path: "/health" },
      },
    ],
    files: [],
    endpoint: { host, port, protocol: toolCalls.protocol },
    notes: [...notes(request, method), ...toolCalls.notes, openEndpointNote],
  };
}

function notes(request: DeployRequest, method: Method): string[] {
  const { cluster, cpuWeights, modelArgument, cpu } = request;
  const target = cpuWeights ?? weightsOf(request, method);
  return [
    ...(method.name === "AMXINT8"
      ? [
          `${target} is made once by kt-kernel: python scripts/convert_cpu_weights.py --input-path ${modelArgument} --input-type fp8 --output ${target} --quant-method int8.`,
        ]
      : []),
    ...(method.name === "LLAMAFILE"
      ? [
          `${target} holds the experts as GGUF: kimi models convert ${modelArgument} ${target}/model.gguf --type q8_0 (or q4_k_m) makes it.`,
        ]
      : []),
    ...(cpu === undefined
      ? ["The CPU is taken to have AMX: say --cpu avx512 or --cpu avx2 if it has not."]
      : []),
    ...(cluster.ramBytes === undefined
      ? ["Nobody said how much RAM there is: see what it needs above, and give --ram."]
      : []),
    ...(cluster.ramBandwidth === undefined
      ? [`RAM is assumed to give ${assumedBandwidth / 1e9} GB/s for each NUMA node.`]
      : []),
    ...(cluster.cores === undefined || cluster.numaNodes === undefined
      ? [
          "Threads and thread pools are for 64 physical cores and 1 NUMA node where the inventory does not say.",
        ]
      : []),
    `The checkpoint has to lie in ${modelArgument} on the host: hf download fetches it.`,
    "It needs sglang-kt in place of sglang, and kt-kernel: pip install kt-kernel sglang-kt.",
  ];
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(0)} GiB`;
