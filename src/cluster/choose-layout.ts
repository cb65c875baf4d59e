/** Which of an engine's layouts a request gets: the first that holds all of it. */
import { decodeTokensPerSecond } from "./decode-estimate.ts";
import type { MemoryReport } from "./deployment-plan.ts";
import { gpuMemory, type EngineBudget, type GpuMemory } from "./gpu-memory.ts";
import type { Candidate, Choice, DeployRequest } from "./serving-engine.ts";
import { cacheGroups } from "./spread.ts";

/** A context shorter than this is no plan unless it was asked for. */
export const leastContext = 4_096;
/** Contexts that are chosen here are multiples of it. */
const contextStep = 1_024;

export interface Attempt {
  readonly candidate: Candidate;
  readonly budget: EngineBudget;
  readonly memory: GpuMemory;
}

/** Every layout with every budget, the layouts' order first. */
export function attempts(
  request: DeployRequest,
  candidates: readonly Candidate[],
): readonly Attempt[] {
  const { model, cluster } = request;
  return candidates.flatMap((candidate) =>
    candidate.budgets.map((budget) => ({
      candidate,
      budget,
      memory: memoryOf(candidate, budget),
    })),
  );

  /** Of a split the half that is short of memory, if one is. */
  function memoryOf({ spread, other }: Candidate, budget: EngineBudget): GpuMemory {
    const half = other && gpuMemory(model, cluster.accelerator, other);
    return half && half.freeBytes <= 0
      ? half
      : gpuMemory(model, cluster.accelerator, { spread, budget });
  }
}

/** `undefined` if nothing holds what was asked for. */
export function chooseLayout(
  request: DeployRequest,
  tried: readonly Attempt[],
): Choice | undefined {
  const { context, concurrency = 1 } = request;
  const trained = request.model.architecture?.context ?? 0;
  const wanted = context ?? trained;
  const whole = tried.find((attempt) => requestsOf(attempt, wanted) >= concurrency);
  if (whole)
    return choiceOf(request, whole, { context: wanted, isContextSet: context !== undefined });
  if (context !== undefined) return undefined;
  const best = tried
    .map((attempt) => ({ attempt, context: longestContext(attempt, concurrency, trained) }))
    .reduce<{ attempt: Attempt; context: number } | undefined>(
      (most, one) => (one.context > (most?.context ?? 0) ? one : most),
      undefined,
    );
  if (!best || best.context < leastContext) return undefined;
  return choiceOf(request, best.attempt, { context: best.context, isContextSet: true });
}

/** Requests of so many tokens that the caches hold. */
export function requestsOf({ candidate, memory }: Attempt, context: number): number {
  return Math.floor(memory.kvTokensPerGroup / Math.max(1, context)) * cacheGroups(candidate.spread);
}

/** Tokens that each of so many requests can have. */
export function longestContext(
  { candidate, memory }: Attempt,
  requests: number,
  most: number,
): number {
  const each = memory.kvTokensPerGroup / Math.ceil(requests / cacheGroups(candidate.spread));
  return Math.min(most, Math.floor(each / contextStep) * contextStep);
}

function choiceOf(
  request: DeployRequest,
  attempt: Attempt,
  { context, isContextSet }: Pick<Choice, "context" | "isContextSet">,
): Choice {
  const { candidate, budget } = attempt;
  return { candidate, budget, memory: report(request, attempt, context), context, isContextSet };
}

function report(
  { model, cluster, concurrency = 1 }: DeployRequest,
  attempt: Attempt,
  context: number,
): MemoryReport {
  const { candidate, budget, memory } = attempt;
  const { spread, host } = candidate;
  const { accelerator, hosts, gpusPerHost } = cluster;
  const trained = model.architecture?.context ?? memory.kvTokensPerGroup;
  const decode = (requests: number): number =>
    decodeTokensPerSecond(
      model,
      { accelerator, spread, kvBytesPerValue: budget.kvBytesPerValue, context, host },
      requests,
    );
  return {
    accelerator: accelerator.name,
    gpus: hosts.length * gpusPerHost,
    perGpu: memory.perGpu,
    kvBytesPerToken: memory.kvBytesPerToken,
    kvCopies: spread.attentionShards,
    kvCapacityTokens: memory.kvCapacityTokens,
    context,
    concurrency,
    maxContext: Math.min(trained, memory.kvTokensPerGroup),
    maxConcurrency: requestsOf(attempt, context),
    decodeTokensPerSecond: { single: decode(1), total: decode(concurrency) },
    ...(host ? { hostBytes: host.bytes } : {}),
  };
}
