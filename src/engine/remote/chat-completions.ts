import type { Engine, EngineEvent, EngineRequest } from "../engine.ts";
import { rewriteCallIds } from "../kimi/call-ids.ts";
import { declare } from "../kimi/prompt-writer.ts";
import type { CallDelta } from "./chat-calls.ts";
import { writeChatMessages } from "./chat-messages.ts";
import type { Endpoint } from "./endpoint.ts";
import { requestBody } from "./http.ts";
import { openAiSampling, readOpenAiUsage, type OpenAiUsage } from "./openai-fields.ts";
import { readReply, type ReplyReader } from "./reply-reader.ts";
import { withRetry } from "./retry.ts";

/** A server that speaks OpenAI's chat completions. */
export function chatCompletionsEngine(endpoint: Endpoint): Engine {
  return {
    name: endpoint.model,
    contextWindow: 0,
    generate: (request) =>
      withRetry(() => generateOnce(endpoint, request), {
        retries: endpoint.retries,
        signal: request.signal,
      }),
    close: async () => {},
  };
}

interface ChatChunk {
  readonly choices?: readonly {
    readonly delta?: ChatDelta;
    readonly message?: ChatDelta;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: OpenAiUsage | null;
}

interface ChatDelta {
  readonly content?: unknown;
  readonly reasoning_content?: string | null;
  readonly reasoning?: string | null;
  readonly tool_calls?: readonly CallDelta[] | null;
}

async function* generateOnce(
  endpoint: Endpoint,
  request: EngineRequest,
): AsyncGenerator<EngineEvent, void> {
  const { tools, sampling, signal } = request;
  const body = {
    model: endpoint.model,
    messages: writeChatMessages(rewriteCallIds(request.messages)),
    ...(tools.length === 0 ? {} : { tools: declare(tools) }),
    ...openAiSampling(sampling),
    stream: endpoint.stream,
    ...(endpoint.stream ? { stream_options: { include_usage: true } } : {}),
  };
  const reply = requestBody({ endpoint, path: "/chat/completions", body, signal });
  yield* readReply(reply, { endpoint, request, read: readChunk });
}

function readChunk(reader: ReplyReader, { choices, usage }: ChatChunk): EngineEvent[] {
  if (usage) reader.usage = readOpenAiUsage(usage);
  const choice = choices?.[0];
  if (!choice) return [];
  if (choice.finish_reason) reader.finish(finishReason(choice.finish_reason));
  const delta = choice.delta ?? choice.message ?? {};
  const thinking = delta.reasoning_content ?? delta.reasoning;
  const content = textIn(delta.content);
  const events: EngineEvent[] = [];
  if (typeof thinking === "string") events.push(...reader.thinking(thinking));
  if (content !== "") events.push(...reader.content(content));
  const calls = Array.isArray(delta.tool_calls) ? (delta.tool_calls as (CallDelta | null)[]) : [];
  for (const call of calls) if (call) events.push(...reader.call(call));
  return events;
}

/** `tool_calls` is not asked for: whether there are calls is seen from the calls. */
function finishReason(reason: string): "stop" | "length" | "filtered" {
  if (reason === "length") return "length";
  return reason === "content_filter" ? "filtered" : "stop";
}

/** Text, or the texts of a list of parts. */
function textIn(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return (content as { text?: unknown }[])
    .map((part) => (typeof part?.text === "string" ? part.text : ""))
    .join("");
}
