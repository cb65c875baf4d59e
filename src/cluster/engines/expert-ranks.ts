import type { DeployRequest } from "../serving-engine.ts";

/** Copies of experts that let so many ranks have as many each; none where the count divides evenly. */
export function fillingExperts({ model }: DeployRequest, ranks: number): number {
  const over = (model.architecture?.experts?.count ?? 0) % ranks;
  return over === 0 ? 0 : ranks - over;
}
