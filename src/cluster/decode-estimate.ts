/**
 * How fast an instance decodes at best: requests ÷ (bytes that the fullest GPU reads in a step ÷ its bandwidth, for each
 * pipeline stage). Kernels, collectives and the network come on top.
 */
import { kvValuesPerToken } from "../checkpoint/describe-memory.ts";
import type { ModelDescription } from "../checkpoint/describe-model.ts";
import type { Accelerator } from "./accelerators.ts";
import type { HostPart } from "./serving-engine.ts";
import { cacheGroups, weightBytesPerGpu, type Spread } from "./spread.ts";

export interface DecodeRequest {
  readonly accelerator: Accelerator;
  readonly spread: Spread;
  readonly kvBytesPerValue: 1 | 2;
  /** Tokens that each request has in the cache. */
  readonly context: number;
  readonly host?: HostPart | undefined;
}

/** Tokens a second of so many requests together. */
export function decodeTokensPerSecond(
  model: ModelDescription,
  { accelerator, spread, kvBytesPerValue, context, host }: DecodeRequest,
  requests: number,
): number {
  const { architecture } = model;
  if (!architecture) return 0;
  // Of several requests each pipeline stage computes others at the same time.
  const inStep = requests / Math.min(spread.pipelineStages, requests);
  const requestsPerGroup = Math.ceil(inStep / cacheGroups(spread));
  const kvPerToken = (kvValuesPerToken(architecture) * kvBytesPerValue) / spread.pipelineStages;
  const bytes = readPerStep(model, spread, inStep) + requestsPerGroup * context * kvPerToken;
  const onHost = host
    ? (host.expertBytes * usedShare(architecture.experts, inStep)) / host.bandwidth
    : 0;
  return requests / ((bytes / accelerator.bandwidth) * spread.pipelineStages + onHost);
}

/**
 * Weights that the fullest GPU reads: all but the embeddings' table, and of the routed experts those that one of the
 * requests goes to, if each chooses by itself.
 */
function readPerStep(model: ModelDescription, spread: Spread, requests: number): number {
  const { weights, architecture } = model;
  const all = weightBytesPerGpu(model, { ...spread, redundantExperts: 0 });
  const experts = weights.parts.experts.bytes / (spread.expertShards * spread.pipelineStages);
  const input = weights.input.bytes / spread.denseShards;
  return Math.max(0, all - experts - input) + experts * usedShare(architecture?.experts, requests);
}

function usedShare(
  experts: { readonly count: number; readonly used: number } | undefined,
  requests: number,
): number {
  if (!experts || experts.count === 0) return 1;
  return 1 - (1 - experts.used / experts.count) ** requests;
}
