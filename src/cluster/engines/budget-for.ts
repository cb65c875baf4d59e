import type { EngineBudget } from "../gpu-memory.ts";
import type { DeployRequest } from "../serving-engine.ts";

/** A budget with the requests that each rank of a cache of its own has at a time; a step holds one token of each at least. */
export function budgetFor(
  { concurrency }: DeployRequest,
  ranks: number,
  budget: EngineBudget,
): EngineBudget {
  const sequences = concurrency === undefined ? budget.sequences : Math.ceil(concurrency / ranks);
  return { ...budget, sequences, batchedTokens: Math.max(budget.batchedTokens, sequences) };
}
