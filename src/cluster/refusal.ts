/** What is said when nothing fits: what is missing, and the nearest thing that would do. */
import { KimiError } from "../errors.ts";
import {
  attempts,
  chooseLayout,
  leastContext,
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
        : "Nothing near would; kimi models inspect says what the model weighs.",
  });
}

/** Where nobody said a context, the least that makes a plan. */
const contextOf = ({ context }: DeployRequest): number => context ?? leastContext;

function missing(request: DeployRequest, tried: readonly Attempt[]): string {
  const { cluster, concurrency = 1 } = request;
  const context = contextOf(request);
  const best = tried.reduce((most, one) =>
    one.memory.freeBytes > most.memory.freeBytes ? one : most,
  );
  const { perGpu, freeBytes, kvBytesPerToken } = best.memory;
  const { name } = cluster.accelerator;
  const gpus = cluster.hosts.length * cluster.gpusPerHost;
  const where = gpus === 1 ? `the ${name}` : `each of ${gpus} ${name}`;
  if (freeBytes <= 0) {
    const half = best.candidate.other ? "; each half of a split holds the whole model" : "";
    return `${gibibytes(-freeBytes)} are missing on ${where} (${gibibytes(perGpu.capacityBytes)}) before there is any KV cache: weights ${gibibytes(perGpu.weightsBytes)}, activations and runtime ${gibibytes(perGpu.activationBytes + perGpu.runtimeBytes)}${half}`;
  }
  const roomiest = tried.reduce((most, one) =>
    requestsOf(one, context) > requestsOf(most, context) ? one : most,
  );
  const needed = context * concurrency * kvBytesPerToken;
  const there = roomiest.memory.kvCapacityTokens * kvBytesPerToken;
  if (needed <= there)
    return `one request of ${tokens(context)} needs ${gibibytes(context * kvBytesPerToken)} of KV cache, and no GPU has more than ${gibibytes(perGpu.kvCacheBytes)} left for it`;
  const requests = concurrency === 1 ? "" : `${concurrency} × `;
  const together = gpus === 1 ? `the ${name} leaves` : `${gpus} ${name} together leave`;
  return `${requests}${tokens(context)} need ${gibibytes(needed)} of KV cache, and ${together} ${gibibytes(there)}: ${gibibytes(needed - there)} are missing`;
}

/** What the same machines could do. */
function smallerRequests(request: DeployRequest, tried: readonly Attempt[]): string[] {
  const { concurrency = 1, kvCache, model } = request;
  const context = contextOf(request);
  const trained = model.architecture?.context ?? 0;
  const requests = Math.max(0, ...tried.map((one) => requestsOf(one, context)));
  const longest = Math.max(0, ...tried.map((one) => longestContext(one, concurrency, trained)));
  return [
    ...(kvCache === "auto" && withFp8Cache() ? ["--kv-cache fp8"] : []),
    ...(requests > 0 && requests < concurrency ? [`--concurrency ${requests}`] : []),
    ...(longest >= leastContext && longest < context ? [`--context ${longest}`] : []),
  ];

  function withFp8Cache(): boolean {
    const again = tried.map(({ candidate }) => ({
      ...candidate,
      budgets: candidate.budgets.map((budget) => ({ ...budget, kvBytesPerValue: 1 as const })),
    }));
    return chooseLayout(request, attempts(request, again)) !== undefined;
  }
}

/** As few more GPUs as hold all of it: first as many in a host as is usual, then more hosts. */
function largerCluster(request: DeployRequest, candidates: Candidates): string[] {
  const { cluster, engine, split } = request;
  const { accelerator, hosts } = cluster;
  const perHost: number[] = [];
  for (let gpus = cluster.gpusPerHost * 2; gpus <= accelerator.perHost; gpus *= 2)
    perHost.push(gpus);
  const more = Array.from(
    { length: hosts.length * mostTimes },
    (_, index) => hosts.length + index + 1,
  );
  const shapes = [
    ...perHost.map((gpusPerHost) => ({ count: hosts.length, gpusPerHost })),
    ...(engine === "ktransformers"
      ? []
      : more.map((count) => ({
          count,
          gpusPerHost: Math.max(cluster.gpusPerHost, accelerator.perHost),
        }))),
  ];
  for (const { count, gpusPerHost } of shapes) {
    const larger: DeployRequest = {
      ...request,
      cluster: withHosts(cluster, count, gpusPerHost),
      split: undefined,
      ...(split ? { layout: "split" } : {}),
    };
    const choice = chooseLayout(larger, attempts(larger, candidates(larger)));
    if (choice)
      return [clusterText(request, { count, gpusPerHost, split: choice.candidate.layout.split })];
  }
  return [];
}

/** With the flags that ask for it, where flags said what there is. */
function clusterText(
  { cluster, split: asked }: DeployRequest,
  {
    count,
    gpusPerHost,
    split,
  }: {
    readonly count: number;
    readonly gpusPerHost: number;
    readonly split: { readonly prefill: number; readonly decode: number } | undefined;
  },
): string {
  const gpus = count * gpusPerHost;
  const what = `${gpus} ${cluster.accelerator.name}`;
  const isNamed = !cluster.hasStandIns && cluster.hosts[0]?.address !== "localhost";
  if (isNamed) return `${what} on ${count} hosts`;
  const flags = `--gpus ${gpus} --nodes ${count}`;
  const halves = asked && split ? ` --split ${split.prefill}:${split.decode}` : "";
  return `${what} (${flags}${halves})`;
}

function withHosts(cluster: Cluster, count: number, gpusPerHost: number): Cluster {
  return {
    ...cluster,
    gpusPerHost,
    hosts: Array.from({ length: count }, (_, index) => ({
      name: `node-${index}`,
      address: `node-${index}`,
      gpus: gpusPerHost,
    })),
  };
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const tokens = (count: number): string => `${count.toLocaleString("en-US")} tokens`;
