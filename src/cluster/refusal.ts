/** What is said when nothing fits: what is missing, and the nearest thing that would do. */
import { KimiError } from "../errors.ts";
import {
  attempts,
  chooseLayout,
  longestContext,
  requestsOf,
  type Attempt,
} from "./choose-layout.ts";
import type { Cluster } from "./cluster.ts";
import type { Candidate, DeployRequest } from "./serving-engine.ts";

type Candidates = (request: DeployRequest) => readonly Candidate[];

/** Clusters up to so many times as large are tried. */
const mostTimes = 32;

export function refuse(
  request: DeployRequest,
  tried: readonly Attempt[],
  candidates: Candidates,
): KimiError {
  const nearest = [...smallerRequests(request, tried), ...largerCluster(request, candidates)];
  return new KimiError(`${request.model.name} does not fit: ${missing(request, tried)}`, {
    code: "does-not-fit",
    hint:
      nearest.length > 0
        ? `Nearest that would: ${nearest.join(", or ")}.`
        : "Nothing near would; see what the model weighs with kimi models inspect.",
  });
}

function missing(request: DeployRequest, tried: readonly Attempt[]): string {
  const { cluster, context, concurrency = 1 } = request;
  const best = tried.reduce((most, one) =>
    one.memory.freeBytes > most.memory.freeBytes ? one : most,
  );
  const { perGpu, freeBytes, kvBytesPerToken } = best.memory;
  const gpus = cluster.hosts.length * cluster.gpusPerHost;
  const where =
    gpus === 1 ? cluster.accelerator.name : `each of ${gpus} ${cluster.accelerator.name}`;
  if (freeBytes <= 0)
    return `${gibibytes(-freeBytes)} are missing on ${where} (${gibibytes(perGpu.capacityBytes)}) before there is any KV cache: weights ${gibibytes(perGpu.weightsBytes)}, activations and runtime ${gibibytes(perGpu.activationBytes + perGpu.runtimeBytes)}${best.candidate.other ? "; each half of a split holds the whole model" : ""}`;
  const roomiest = tried.reduce((most, one) =>
    requestsOf(one, context ?? 1) > requestsOf(most, context ?? 1) ? one : most,
  );
  const needed = (context ?? 0) * concurrency * kvBytesPerToken;
  const there = roomiest.memory.kvCapacityTokens * kvBytesPerToken;
  if (needed <= there)
    return `one request of ${tokens(context)} needs ${gibibytes((context ?? 0) * kvBytesPerToken)} of KV cache, and no GPU has more than ${gibibytes(perGpu.kvCacheBytes)} left for it`;
  const requests = concurrency === 1 ? "" : `${concurrency} × `;
  return `${requests}${tokens(context)} need ${gibibytes(needed)} of KV cache, and ${gpus === 1 ? where : `${gpus} ${cluster.accelerator.name} together`} leave${gpus === 1 ? "s" : ""} ${gibibytes(there)}: ${gibibytes(needed - there)} are missing`;
}

/** What the same machines could do. */
function smallerRequests(request: DeployRequest, tried: readonly Attempt[]): string[] {
  const { context, concurrency = 1, kvCache, model } = request;
  const trained = model.architecture?.context ?? 0;
  const requests = Math.max(0, ...tried.map((one) => requestsOf(one, context ?? trained)));
  const longest = Math.max(0, ...tried.map((one) => longestContext(one, concurrency, trained)));
  return [
    ...(kvCache === "auto" && withFp8Cache(request) ? ["--kv-cache fp8"] : []),
    ...(requests > 0 && requests < concurrency ? [`--concurrency ${requests}`] : []),
    ...(longest > 0 && longest < (context ?? trained) ? [`--context ${longest}`] : []),
  ];

  function withFp8Cache(asked: DeployRequest): boolean {
    const again = tried.map(({ candidate }) => ({
      ...candidate,
      budgets: candidate.budgets.map((budget) => ({ ...budget, kvBytesPerValue: 1 as const })),
    }));
    return chooseLayout(asked, attempts(asked, again)) !== undefined;
  }
}

/** As few more hosts like these as hold all of it. */
function largerCluster(request: DeployRequest, candidates: Candidates): string[] {
  const { cluster, engine } = request;
  if (engine === "ktransformers") return [];
  for (let count = cluster.hosts.length + 1; count <= cluster.hosts.length * mostTimes; count++) {
    const larger = { ...request, cluster: withHosts(cluster, count), split: undefined };
    if (chooseLayout(larger, attempts(larger, candidates(larger))))
      return [
        `${count * cluster.gpusPerHost} ${cluster.accelerator.name} (--gpus ${count * cluster.gpusPerHost} --nodes ${count})`,
      ];
  }
  return [];
}

function withHosts(cluster: Cluster, count: number): Cluster {
  return {
    ...cluster,
    hosts: Array.from({ length: count }, (_, index) => ({
      name: `node-${index}`,
      address: `node-${index}`,
      gpus: cluster.gpusPerHost,
    })),
  };
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const tokens = (count = 0): string => `${count.toLocaleString("en-US")} tokens`;
