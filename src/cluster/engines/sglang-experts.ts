/** How SGLang shares experts out among GPUs, and what goes between them. */
import type { EngineBudget } from "../gpu-memory.ts";
import type { DeployRequest } from "../serving-engine.ts";
import { sglangCommand } from "./sglang-flags.ts";

/** Tokens that DeepEP's low-latency mode sends from a rank at most (SGLang asserts it). */
export const mostPerRank = 1_024;

export function requestsPerRank({ concurrency = 1 }: DeployRequest, ranks: number): number {
  return Math.ceil(concurrency / ranks);
}

/** What carries tokens to their experts: DeepEP on GPUs that it is made for, AMD's, or a gathering of all tokens. */
function backendOf({ cluster, hasFlag, choicesOf }: DeployRequest): "deepep" | "mori" | undefined {
  const { isHopperOrLater, vendor } = cluster.accelerator;
  if (isHopperOrLater) return "deepep";
  const flag = "--moe-a2a-backend";
  const hasMori =
    hasFlag(sglangCommand, flag) && (choicesOf(sglangCommand, flag)?.includes("mori") ?? true);
  return vendor === "amd" && hasMori ? "mori" : undefined;
}

/** Renamed after Moonshot's guide was written. */
export function expertFlags(request: DeployRequest, ranks: number): string[] {
  const backend = backendOf(request);
  if (backend === undefined) return ["--ep-size", `${ranks}`];
  return request.hasFlag(sglangCommand, "--moe-a2a-backend")
    ? ["--moe-a2a-backend", backend]
    : ["--enable-deepep-moe"];
}

/** DeepEP has to know how many tokens a rank sends in a decode step, which are its requests. */
export function dispatchEnvironment(
  request: DeployRequest,
  { sequences }: EngineBudget,
): Record<string, string> {
  return backendOf(request) === "deepep"
    ? { SGLANG_DEEPEP_NUM_MAX_DISPATCH_TOKENS_PER_RANK: `${sequences}` }
    : {};
}

export function expertNotes(request: DeployRequest): string[] {
  const backend = backendOf(request);
  if (backend === undefined)
    return [
      `DeepEP is not made for ${request.cluster.accelerator.name}: every GPU gets all tokens, which costs more of the network.`,
    ];
  const name = backend === "deepep" ? "DeepEP" : "MoRI";
  return [`${name} has to be installed on every host for expert parallelism.`];
}
