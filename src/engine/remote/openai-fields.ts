import type { Sampling, Usage } from "../engine.ts";

/** Fields that OpenAI's two completions protocols share. `top_k` and `min_p` are the engines' additions. */
export function openAiSampling(sampling: Sampling): Readonly<Record<string, number>> {
  const fields = {
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    seed: sampling.seed,
    max_tokens: sampling.maxTokens,
  };
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Record<string, number>;
}

export interface OpenAiUsage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
  /** Moonshot's place for it. */
  readonly cached_tokens?: number;
}

export function readOpenAiUsage(usage: OpenAiUsage): Usage {
  const cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? usage.cached_tokens;
  return {
    inputTokens: usage.prompt_tokens ?? 0,
    outputTokens: usage.completion_tokens ?? 0,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
  };
}
