/** The layouts that engines have in common. */
import type { EngineBudget } from "../gpu-memory.ts";
import type { Candidate, DeployRequest } from "../serving-engine.ts";
import { tensorParallelProblem } from "../tensor-parallel.ts";
import { layoutSizes } from "./layout-sizes.ts";
import { dataExpertSpread, tensorSpread } from "./usual-spreads.ts";

/** As an engine is told, whatever the request. */
export type UsualBudget = Omit<EngineBudget, "kvBytesPerValue">;

export function gpusOf({ cluster }: DeployRequest): number {
  return cluster.gpusPerHost * cluster.hosts.length;
}

/** With the requests that each rank of a cache of its own has at a time; a step holds one token of each at least. */
export function budgetsFor(
  { concurrency, kvCache }: DeployRequest,
  ranks: number,
  budgets: readonly UsualBudget[],
): EngineBudget[] {
  return budgets.map((budget) => {
    const sequences = concurrency === undefined ? budget.sequences : Math.ceil(concurrency / ranks);
    return {
      ...budget,
      sequences,
      batchedTokens: Math.max(budget.batchedTokens, sequences),
      kvBytesPerValue: kvCache === "fp8" ? 1 : 2,
    };
  });
}

/** Every layer cut by all GPUs; none where it can't be cut into so many parts. */
export function tensorCandidates(
  request: DeployRequest,
  budgets: readonly UsualBudget[],
): Candidate[] {
  const gpus = gpusOf(request);
  if (tensorParallelProblem(request.model, gpus) !== undefined) return [];
  return [
    {
      name: "tp",
      layout: { kind: "tensor parallel", ...layoutSizes({ tensorParallel: gpus }) },
      reason: `Tensor parallelism over ${gpus} GPUs answers one request fastest, and reads no weight twice; each GPU keeps the whole KV cache.`,
      spread: tensorSpread(gpus),
      budgets: budgetsFor(request, 1, budgets),
    },
  ];
}

export interface ExpertLayout {
  readonly budgets: readonly UsualBudget[];
  /** GPUs that experts are shared out to whole; all of them if left out. */
  readonly expertParallel?: number;
  readonly redundantExperts?: number;
}

/** Attention with a cache of its own on each GPU, experts shared out among all; none on a single GPU. */
export function expertCandidates(
  request: DeployRequest,
  { budgets, expertParallel, redundantExperts }: ExpertLayout,
): Candidate[] {
  const gpus = gpusOf(request);
  if (gpus === 1) return [];
  const tooMany = tensorParallelProblem(request.model, gpus);
  return [
    {
      name: "dp-ep",
      layout: {
        kind: "data and expert parallel",
        ...layoutSizes({ dataParallel: gpus, expertParallel: expertParallel ?? gpus }),
      },
      reason: `${tooMany ? `No tensor parallelism over ${gpus} GPUs: ${tooMany}. ` : ""}With data parallelism each GPU has a KV cache of its own, so that ${gpus} times as many tokens fit; the experts are shared out among all.`,
      spread: dataExpertSpread(gpus, redundantExperts),
      budgets: budgetsFor(request, gpus, budgets),
    },
  ];
}
