import type { Endpoint } from "./endpoint.ts";
import { parseJson } from "./event-stream.ts";
import { requestText } from "./http.ts";

export interface ServedModel {
  readonly id: string;
  /** Tokens; 0 where the server does not say. */
  readonly contextWindow: number;
}

/** Longest wait for a list that the request itself does not need, milliseconds. */
const optionalListMs = 5_000;

/** What the server serves, by `GET /models`. */
export async function listModels(
  endpoint: Endpoint,
  signal: AbortSignal,
  protocol: "openai" | "anthropic" = "openai",
): Promise<ServedModel[]> {
  const isAnthropic = protocol === "anthropic";
  const path = `${isAnthropic ? anthropicRoot(endpoint.baseUrl) : ""}/models`;
  const headers = isAnthropic ? anthropicHeaders(endpoint.apiKey) : {};
  const body = await requestText({ endpoint, path, headers, signal });
  const { data } = parseJson(body, endpoint.baseUrl) as {
    data?: readonly { id?: string; max_model_len?: number; context_length?: number }[];
  };
  return (data ?? []).map(({ id = "", max_model_len: vllm, context_length: other }) => ({
    id,
    contextWindow: vllm ?? other ?? 0,
  }));
}

/** Of the endpoint's model, in tokens; 0 where the server does not say, or has no list of models. */
export async function contextWindowOf(
  endpoint: Endpoint,
  signal: AbortSignal,
  protocol: "openai" | "anthropic" = "openai",
): Promise<number> {
  const { timers } = endpoint;
  const firstTokenMs = Math.min(timers.firstTokenMs, optionalListMs);
  try {
    const hurried = { ...endpoint, timers: { ...timers, firstTokenMs } };
    const models = await listModels(hurried, signal, protocol);
    return models.find(({ id }) => id === endpoint.model)?.contextWindow ?? 0;
  } catch {
    signal.throwIfAborted();
    return 0;
  }
}

/** Anthropic's addresses are given without the version, other servers' with it. */
export function anthropicRoot(baseUrl: string): string {
  return baseUrl.endsWith("/v1") ? "" : "/v1";
}

/** Anthropic's own header for the key goes beside the one that servers behind gateways look at. */
export function anthropicHeaders(apiKey: string | undefined): Readonly<Record<string, string>> {
  return {
    "anthropic-version": "2023-06-01",
    ...(apiKey === undefined ? {} : { "x-api-key": apiKey }),
  };
}
