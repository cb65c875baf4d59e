/** SGLang in two halves: some hosts compute prompts, the others decode (Moonshot's guide: 4 and 12 hosts of H200). */
import { withPort } from "../cluster.ts";
import type { Host, NodeCommand } from "../deployment-plan.ts";
import { gpuMemory, type EngineBudget } from "../gpu-memory.ts";
import type { Candidate, Choice, Commands, DeployRequest } from "../serving-engine.ts";
import type { Spread } from "../spread.ts";
import { fillingExperts } from "./expert-ranks.ts";
import {
  dispatchEnvironment,
  expertFlags,
  mostPerRank,
  requestsPerRank,
} from "./sglang-experts.ts";
import { environmentOf } from "./network-environment.ts";
import { bootstrapPort, routerNode, serverPort } from "./sglang-router.ts";
import { layoutSizes } from "./layout-sizes.ts";
import { dataParallelAttention, sglangCommand, sglangProgram, valueFlags } from "./sglang-flags.ts";
import { openEndpointNote, toolCallFlags } from "./tool-call-flags.ts";
import { dataExpertSpread } from "./usual-spreads.ts";

const distributedPort = 5_757;
/** From so many hosts on it is thought of without being asked for. */
const fewestHosts = 8;
/** The guide's: all tokens of a prefill step, and requests at a time on each decode rank. */
const prefillChunk = 131_072;
const usualPerRank = 480;
const prefillRequests = 1_024;
const prefillFraction = 0.85;
const decodeFraction = 0.8;

/** None where there are too few hosts, or GPUs that its parts are not made for. */
export function splitCandidates(request: DeployRequest): Candidate[] {
  const { cluster, layout, split, kvCache, concurrency } = request;
  const { hosts, gpusPerHost } = cluster;
  const isAsked = layout === "split" || split !== undefined;
  if (hosts.length < (isAsked ? 2 : fewestHosts)) return [];
  if (!cluster.accelerator.isHopperOrLater) return []; // DeepEP, Mooncake
  const prefill = split?.prefill ?? Math.max(1, Math.round(hosts.length / 4));
  const halves = { prefill, decode: hosts.length - prefill };
  const ranks = { prefill: prefill * gpusPerHost, decode: halves.decode * gpusPerHost };
  const kvBytesPerValue = kvCache === "fp8" ? 1 : 2;
  const spread = dataExpertSpread(ranks.decode, redundantExperts(request, ranks.decode));
  const decodeBudget = (perRank: number): EngineBudget => ({
    of: "static",
    fraction: decodeFraction,
    batchedTokens: perRank,
    sequences: perRank,
    kvBytesPerValue,
  });
  const perRank =
    concurrency === undefined
      ? roomPerRank(request, spread, decodeBudget(usualPerRank))
      : requestsPerRank(request, ranks.decode);
  if (perRank > mostPerRank) return [];
  const budget = decodeBudget(perRank);
  const candidate: Candidate = {
    name: "split",
    layout: {
      kind: "prefill/decode split",
      ...layoutSizes({ dataParallel: ranks.decode, expertParallel: ranks.decode }),
      split: halves,
    },
    reason: `${prefill} hosts compute prompts and ${halves.decode} decode, so that long prompts do not hold up the answers of others.`,
    spread,
    budgets: [budget],
    other: {
      spread: dataExpertSpread(ranks.prefill, fillingExperts(request, ranks.prefill)),
      budget: {
        ...budget,
        fraction: prefillFraction,
        batchedTokens: prefillChunk / ranks.prefill,
        sequences: Math.ceil(prefillRequests / ranks.prefill),
      },
    },
  };
  return [candidate];
}

/** Copies of the experts that are used most: one more on every rank, as many as make the ranks' shares equal. */
function redundantExperts({ model }: DeployRequest, ranks: number): number {
  const count = model.architecture?.experts?.count ?? 0;
  return ranks - (count % ranks);
}

/** Requests of the whole context that a decode rank holds, up to the guide's. */
function roomPerRank(
  { model, cluster, context = model.architecture?.context ?? 1 }: DeployRequest,
  spread: Spread,
  budget: EngineBudget,
): number {
  const { kvTokensPerGroup } = gpuMemory(model, cluster.accelerator, { spread, budget });
  return Math.max(1, Math.min(usualPerRank, Math.floor(kvTokensPerGroup / context)));
}

export function splitCommands(request: DeployRequest, choice: Choice): Commands {
  const { cluster, port } = request;
  const { prefill = 0 } = choice.candidate.layout.split ?? {};
  const halves = {
    prefill: cluster.hosts.slice(0, prefill),
    decode: cluster.hosts.slice(prefill),
  };
  const router = routerNode(request, halves);
  const toolCalls = toolCallFlags(request, sglangCommand);
  return {
    nodes: [
      ...halfNodes({ mode: "prefill", hosts: halves.prefill }, request, choice),
      ...halfNodes({ mode: "decode", hosts: halves.decode }, request, choice),
      router,
    ],
    files: [],
    endpoint: { host: router.host, port, protocol: toolCalls.protocol },
    notes: [
      "DeepEP and Mooncake's transfer engine have to be installed on every host, sglang-router on the first.",
      ...(cluster.infinibandDevices
        ? []
        : [
            "No InfiniBand devices are named: Mooncake takes those that it finds. Name them in the inventory (network: infiniband).",
          ]),
      ...toolCalls.notes,
      openEndpointNote,
    ],
  };
}

interface Half {
  readonly mode: "prefill" | "decode";
  readonly hosts: readonly Host[];
}

function halfNodes({ mode, hosts }: Half, request: DeployRequest, choice: Choice): NodeCommand[] {
  const ranks = hosts.length * request.cluster.gpusPerHost;
  return hosts.map((host, rank) => ({
    name: `${mode}-${rank}`,
    role: rank === 0 ? mode : "worker",
    host,
    argv: [
      ...sglangProgram,
      ["--model-path", request.modelArgument],
      "--trust-remote-code",
      ["--disaggregation-mode", mode],
      ["--dist-init-addr", withPort(hosts[0]?.address ?? "", distributedPort)],
      dataParallelAttention(request, ranks),
      ["--host", host.address, "--port", `${serverPort}`],
      ["--decode-log-interval", "1", "--disable-radix-cache"],
      expertFlags(request, ranks),
      ["--moe-dense-tp-size", "1", "--enable-dp-lm-head", "--disable-shared-experts-fusion"],
      ["--watchdog-timeout", "1000000", "--enable-two-batch-overlap"],
      infinibandFlags(request),
      mode === "prefill" ? prefillFlags(request, choice) : decodeFlags(request, choice),
      ["--nnodes", `${hosts.length}`, "--node-rank", `${rank}`],
      toolCallFlags(request, sglangCommand).flags,
    ].flat(),
    env: { ...environment(mode, request, choice), ...environmentOf(request) },
    ...(rank === 0
      ? {
          health: { port: serverPort, path: "/health" },
          peerPorts: [distributedPort, ...(mode === "prefill" ? [bootstrapPort] : [])],
        }
      : {}),
  }));
}

function infinibandFlags({ cluster: { infinibandDevices } }: DeployRequest): string[] {
  return infinibandDevices ? ["--disaggregation-ib-device", infinibandDevices.join(",")] : [];
}

/** The prompt's length is bounded by the decoding half, so that no context is set here. */
function prefillFlags(request: DeployRequest, { candidate }: Choice): string[] {
  const copies = candidate.other?.spread.redundantExperts ?? 0;
  return [
    ["--served-model-name", request.servedName],
    ["--chunked-prefill-size", `${prefillChunk}`],
    ["--mem-fraction-static", `${prefillFraction}`],
    ["--deepep-mode", "normal"],
    ["--ep-dispatch-algorithm", "dynamic", "--eplb-algorithm", "deepseek"],
    ["--max-running-requests", `${prefillRequests}`],
    copies > 0 ? ["--ep-num-redundant-experts", `${copies}`] : [],
  ].flat();
}

function decodeFlags(request: DeployRequest, choice: Choice): string[] {
  const { dataParallel } = choice.candidate.layout;
  const { sequences } = choice.budget;
  const graphSizes = request.hasFlag(sglangCommand, "--cuda-graph-bs-decode")
    ? "--cuda-graph-bs-decode"
    : "--cuda-graph-bs";
  return [
    valueFlags(request, choice),
    ["--max-running-requests", `${sequences * dataParallel}`],
    ["--deepep-mode", "low_latency"],
    ["--mem-fraction-static", `${decodeFraction}`],
    [graphSizes, `${sequences}`],
    ["--ep-num-redundant-experts", `${choice.candidate.spread.redundantExperts}`],
  ].flat();
}

/** The guide's: transfers are measured, and a half that loads for long is waited for. */
function environment(
  mode: Half["mode"],
  request: DeployRequest,
  { budget }: Choice,
): Record<string, string> {
  return {
    ...(mode === "decode" ? dispatchEnvironment(request, budget) : {}),
    MC_TE_METRIC: "true",
    SGLANG_DISAGGREGATION_HEARTBEAT_INTERVAL: "10000000",
    SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT: "100000",
    SGLANG_DISAGGREGATION_WAITING_TIMEOUT: "100000",
    PYTHONUNBUFFERED: "1",
  };
}
