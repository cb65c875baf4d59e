/** SGLang: tensor parallel, data and expert parallel, or split in prefill and decode (Moonshot's guide, k2-facts §6.2). */
import { firstHost, withPort } from "../cluster.ts";
import type { NodeCommand } from "../deployment-plan.ts";
import type {
  Candidate,
  Choice,
  Commands,
  DeployRequest,
  ServingEngine,
} from "../serving-engine.ts";
import { environmentOf } from "./network-environment.ts";
import { splitCandidates, splitCommands } from "./sglang-split.ts";
import { fillingExperts } from "./expert-ranks.ts";
import {
  dispatchEnvironment,
  expertFlags,
  expertNotes,
  mostPerRank,
  requestsPerRank,
} from "./sglang-experts.ts";
import { dataParallelAttention, sglangCommand, sglangProgram, valueFlags } from "./sglang-flags.ts";
import { openEndpointNote, toolCallFlags } from "./tool-call-flags.ts";
import { expertCandidates, gpusOf, tensorCandidates } from "./usual-candidates.ts";

const distributedPort = 50_000;

/** Always written, since what SGLang chooses by itself differs by version, GPU and parallelism. */
const usualBudget = { of: "static", fraction: 0.85, batchedTokens: 8_192, sequences: 256 } as const;
const tightBudget = { ...usualBudget, fraction: 0.92, batchedTokens: 2_048 } as const;
/** Requests at a time on each rank: as many tokens as DeepEP sends by itself in a decode step. */
const expertBudget = { ...usualBudget, sequences: 128 } as const;
const tightExpertBudget = { ...tightBudget, sequences: 128 } as const;

export const sglang: ServingEngine = {
  candidates,
  commands: (request, choice) =>
    choice.candidate.name === "split" ? splitCommands(request, choice) : commands(request, choice),
};

function candidates(request: DeployRequest): Candidate[] {
  const { layout, split } = request;
  const gpus = gpusOf(request);
  const all = [
    ...splitCandidates(request),
    ...tensorCandidates(request, [usualBudget, tightBudget]),
    ...(requestsPerRank(request, gpus) > mostPerRank
      ? []
      : expertCandidates(request, {
          budgets: [expertBudget, tightExpertBudget],
          redundantExperts: fillingExperts(request, gpus),
        })),
  ];
  const wanted = layout ?? (split ? "split" : undefined);
  return wanted === undefined ? all : all.filter(({ name }) => name === wanted);
}

function commands(request: DeployRequest, choice: Choice): Commands {
  const { cluster, port } = request;
  const { hosts } = cluster;
  const first = firstHost(cluster);
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
            ["--dist-init-addr", withPort(first.address, distributedPort)],
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
    env: {
      ...environmentOf(request),
      ...(choice.candidate.name === "dp-ep" ? dispatchEnvironment(request, choice.budget) : {}),
    },
    ...(index === 0 ? { health: { port, path: "/health" } } : {}),
    ...(index === 0 && hosts.length > 1 ? { peerPorts: [distributedPort] } : {}),
  }));
  return {
    nodes,
    files: [],
    endpoint: { host: first, port, protocol: toolCalls.protocol },
    notes: [
      ...(choice.candidate.name === "dp-ep" ? expertNotes(request) : []),
      ...toolCalls.notes,
      openEndpointNote,
    ],
  };
}

function parallelFlags(request: DeployRequest, { candidate }: Choice): string[] {
  const { tensorParallel, dataParallel } = candidate.layout;
  if (candidate.name === "tp") return ["--tp-size", `${tensorParallel}`];
  const { redundantExperts } = candidate.spread;
  return [
    dataParallelAttention(request, dataParallel),
    expertFlags(request, dataParallel),
    redundantExperts > 0 ? ["--ep-num-redundant-experts", `${redundantExperts}`] : [],
    ["--moe-dense-tp-size", "1", "--enable-dp-lm-head", "--disable-shared-experts-fusion"],
  ].flat();
}

/** The requests and the chunk of prefill are those of all ranks together. */
function memoryFlags({ candidate, budget }: Choice): string[] {
  const ranks = candidate.layout.dataParallel;
  return [
    ["--mem-fraction-static", `${budget.fraction}`],
    ["--chunked-prefill-size", `${budget.batchedTokens * ranks}`],
    ["--max-running-requests", `${budget.sequences * ranks}`],
  ].flat();
}
