/** What a GPU's memory is used for, and how many tokens what is left of it holds. */
import { kvValuesPerToken } from "../checkpoint/describe-memory.ts";
import type { ModelDescription } from "../checkpoint/describe-model.ts";
import type { Accelerator } from "./accelerators.ts";
import type { MemoryReport } from "./deployment-plan.ts";
import { cacheGroups, weightBytesPerGpu, type Spread } from "./spread.ts";

/** What an engine is told of memory. */
export interface EngineBudget {
  /**
   * What `fraction` is a part of:
   * - `everything`: weights, activations and KV cache together (vLLM's `--gpu-memory-utilization`)
   * - `static`: weights and KV cache; the rest is for activations (SGLang's `--mem-fraction-static`)
   * - `free`: the KV cache alone, of what is left (TensorRT-LLM's `--kv_cache_free_gpu_memory_fraction`)
   */
  readonly of: "everything" | "static" | "free";
  readonly fraction: number;
  /** Tokens in one step, on each data-parallel rank. */
  readonly batchedTokens: number;
  /** Requests in one step, on each data-parallel rank. */
  readonly sequences: number;
  /** 2: BF16; 1: FP8. */
  readonly kvBytesPerValue: 1 | 2;
  /** What this engine needs beside all that; 0 if left out. */
  readonly otherBytes?: number | undefined;
}

export interface GpuMemory {
  readonly perGpu: MemoryReport["perGpu"];
  readonly kvBytesPerToken: number;
  readonly kvCapacityTokens: number;
  /** Of one cache: what the longest request can have. */
  readonly kvTokensPerGroup: number;
  /** Below 0: what is missing on the fullest GPU before there is any KV cache. */
  readonly freeBytes: number;
}

/**
 * CUDA's or ROCm's context, the communication's buffers and captured graphs. Set so that vLLM's published figure
 * comes out: 46.80 GiB of KV cache on each of eight H200 for K2.5 (k2-facts §6.1).
 */
const runtimeBytes = 6 * 2 ** 30;

export function gpuMemory(
  model: ModelDescription,
  accelerator: Accelerator,
  { spread, budget }: { readonly spread: Spread; readonly budget: EngineBudget },
): GpuMemory {
  const capacity = accelerator.memoryBytes;
  const weights = weightBytesPerGpu(model, spread);
  const activation = activationBytes(model, spread, budget);
  const runtime = runtimeBytes + (budget.otherBytes ?? 0);
  const working = activation + runtime;
  const usable = capacity * budget.fraction;
  const free = {
    everything: usable - weights - working,
    // What the fraction leaves has to hold the rest.
    static: Math.min(usable - weights, capacity - weights - working),
    free: (capacity - weights - working) * budget.fraction,
  }[budget.of];
  const kvCache = Math.max(0, free);
  const kvBytesPerToken = model.architecture
    ? kvValuesPerToken(model.architecture) * budget.kvBytesPerValue
    : 0;
  const kvTokensPerGroup = Math.floor((kvCache * spread.pipelineStages) / kvBytesPerToken);
  return {
    perGpu: {
      capacityBytes: capacity,
      weightsBytes: weights,
      kvCacheBytes: kvCache,
      activationBytes: activation,
      runtimeBytes: runtime,
      reservedBytes: Math.max(0, capacity - weights - working - kvCache),
    },
    kvBytesPerToken,
    kvTokensPerGroup,
    kvCapacityTokens: kvTokensPerGroup * cacheGroups(spread),
    freeBytes: free,
  };
}

/**
 * The most that a step of so many tokens leaves on its way, in 16 bits: the residual and three more of its size, the
 * outputs of the experts that each token goes to and what is between their matrices, and the logits in F32, three times
 * (sampling copies them). An estimate; engines measure it when they start.
 */
function activationBytes(
  { architecture }: ModelDescription,
  { attentionShards }: Spread,
  { batchedTokens, sequences }: EngineBudget,
): number {
  if (!architecture) return 0;
  const { hidden, experts, vocabulary, denseFeedForward } = architecture;
  // Tensor parallelism cuts an expert, and what is between its matrices; data parallelism does not.
  const between = experts ? (2 * experts.feedForward) / attentionShards : 0;
  const perToken = experts ? experts.used * (hidden + between) : 2 * denseFeedForward;
  return 2 * batchedTokens * (4 * hidden + perToken) + 3 * 4 * sequences * vocabulary;
}
