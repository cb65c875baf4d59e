import type { Endpoint } from "./endpoint.ts";
import { parseJson } from "./event-stream.ts";
import { requestText } from "./http.ts";

export interface ServedModel {
  readonly id: string;
  /** Tokens; 0 where the server does not say. */
  readonly contextWindow: number;
}

/** What the server serves, by `GET /models`. */
export async function listModels(endpoint: Endpoint, signal: AbortSignal): Promise<ServedModel[]> {
  const headers =
    endpoint.apiKey === undefined ? {} : { authorization: `Bearer ${endpoint.apiKey}` };
  const body = await requestText({ endpoint, path: "/models", headers, signal });
  const { data } = parseJson(body, endpoint.baseUrl) as {
    data?: readonly { id?: string; max_model_len?: number; context_length?: number }[];
  };
  return (data ?? []).map(({ id = "", max_model_len: vllm, context_length: other }) => ({
    id,
    contextWindow: vllm ?? other ?? 0,
  }));
}

/** Of the endpoint's model, in tokens; 0 where the server does not say, or has no list of models. */
export async function contextWindowOf(endpoint: Endpoint, signal: AbortSignal): Promise<number> {
  try {
    const models = await listModels(endpoint, signal);
    return models.find(({ id }) => id === endpoint.model)?.contextWindow ?? 0;
  } catch {
    signal.throwIfAborted();
    return 0;
  }
}
