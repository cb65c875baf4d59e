import type { Candidate } from "../serving-engine.ts";

/** Not parallel in any way but those given. */
export function layoutSizes(
  given: Partial<Candidate["layout"]>,
): Omit<Candidate["layout"], "kind"> {
  return { tensorParallel: 1, pipelineParallel: 1, dataParallel: 1, expertParallel: 1, ...given };
}
