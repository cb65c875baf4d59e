/** The KV cache and the weights in memory, in bytes (k2-facts §6.5). */
import type { Architecture } from "./architecture.ts";
import type { Weights } from "./describe-weights.ts";
import { ggmlBytesPerValue } from "./ggml-types.ts";

/** KV cache types that llama.cpp takes (`-ctk`). */
export const kvTypes = [
  "f32",
  "f16",
  "bf16",
  "q8_0",
  "q5_1",
  "q5_0",
  "q4_1",
  "q4_0",
  "iq4_nl",
] as const;
export type KvType = (typeof kvTypes)[number];

/**
 * Values that one token adds to the KV cache, all layers together. With MLA these are the compressed
 * vector and the rotated key of each layer, once for all heads, and the values are a view of it.
 */
export function kvValuesPerToken({ attention, layers, heads }: Architecture): number {
  if (attention.type === "grouped")
    return layers * attention.kvHeads * (attention.keyLength + attention.valueLength);
  const { kvLoraRank, ropeHeadSize, nopeHeadSize, valueHeadSize, isUnsplit } = attention;
  if (isUnsplit) return layers * heads * (nopeHeadSize + ropeHeadSize + valueHeadSize);
  return layers * (kvLoraRank + ropeHeadSize);
}

/** Bytes of one token in llama.cpp's cache. */
export function kvBytesPerToken(architecture: Architecture, type: KvType): number {
  return kvValuesPerToken(architecture) * (ggmlBytesPerValue(type) ?? 2);
}

/** Sizes that get a line: those that fit in what the model was trained for, and that itself. */
function contextsOf({ context }: Architecture): number[] {
  const usual = [4_096, 8_192, 32_768, 65_536, 131_072, 262_144, 1_048_576];
  return [...usual.filter((size) => size < context), ...(context > 0 ? [context] : [])];
}

export interface ContextMemory {
  /** Tokens. */
  readonly context: number;
  /** llama.cpp's cache. */
  readonly f16: number;
  readonly q8_0: number;
  /** vLLM's and SGLang's with `--kv-cache-dtype fp8`; without it theirs is `f16`. On every tensor-parallel rank. */
  readonly fp8: number;
  /** Weights as they are and the f16 cache. */
  readonly withWeights: number;
}

export function memoryAt(architecture: Architecture, weightBytes: number): ContextMemory[] {
  const values = kvValuesPerToken(architecture);
  return contextsOf(architecture).map((context) => {
    const f16 = context * kvBytesPerToken(architecture, "f16");
    return {
      context,
      f16,
      q8_0: context * kvBytesPerToken(architecture, "q8_0"),
      fp8: context * values,
      withWeights: f16 + weightBytes,
    };
  });
}

/** Tokens that llama.cpp computes at once, and the size of what they leave on the way. */
const microBatch = 512;

/**
 * An estimate of llama.cpp's compute buffer with flash attention: the logits of a micro-batch or the
 * outputs of its experts (F32), and the mask (F16). k2-facts has no figure; kimi-nano's buffers in the
 * bundled release are within a tenth of it (14.5 MiB at 8,192 tokens, 11.0 at 2,048; 85 without flash attention).
 */
export function computeBytes(architecture: Architecture, context: number): number {
  const { vocabulary, hidden, experts } = architecture;
  const logits = microBatch * vocabulary * 4;
  const perToken = experts ? experts.used * (hidden + 2 * experts.feedForward) : 4 * hidden;
  return Math.max(logits, microBatch * perToken * 4) + microBatch * context * 2;
}

/** Without flash attention the scores of all heads are there at once (F32), on top of that. */
export function attentionScoreBytes({ heads }: Architecture, context: number): number {
  return microBatch * context * heads * 4;
}

export interface TypeEstimate {
  readonly type: string;
  /** If every weight were of this type; real files mix, and are some percent larger. */
  readonly bytes: number;
  /** What a GPU holds when the routed experts stay in RAM. */
  readonly nonExpertBytes: number;
  /** Routed experts that one token reads. */
  readonly activeExpertBytes: number;
}

/** What conversions would weigh. */
export function estimateTypes(weights: Weights, activeExperts: number): TypeEstimate[] {
  const { total, parts } = weights;
  return ["BF16", "Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K", "Q2_K"].map((type) => {
    const each = ggmlBytesPerValue(type) ?? 0;
    return {
      type,
      bytes: total.parameters * each,
      nonExpertBytes: (total.parameters - parts.experts.parameters) * each,
      activeExpertBytes: activeExperts * each,
    };
  });
}
