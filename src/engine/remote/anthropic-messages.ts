import type { Engine, EngineEvent, EngineRequest } from "../engine.ts";
import { rewriteCallIds } from "../kimi/call-ids.ts";
import { writeAnthropicMessages, type AnthropicBlock } from "./anthropic-blocks.ts";
import type { Endpoint } from "./endpoint.ts";
import { anthropicHeaders, anthropicRoot, contextWindowOf } from "./list-models.ts";
import { requestBody } from "./http.ts";
import { readReply, type ReplyReader } from "./reply-reader.ts";
import { withRetry } from "./retry.ts";

export interface AnthropicOptions {
  readonly endpoint: Endpoint;
  /** What the server multiplies a request's temperature by: 0.6 at Moonshot, else 1. */
  readonly temperatureScale: number;
}

/** The protocol demands a limit; half the context is the most where the server tells its size. */
const defaultMaxTokens = 8_192;

/** A server that speaks Anthropic's messages (anthropic-version 2023-06-01). */
export function anthropicMessagesEngine(options: AnthropicOptions): Engine {
  const { endpoint } = options;
  let contextWindow: number | undefined;
  return {
    name: endpoint.model,
    get contextWindow() {
      return contextWindow ?? 0;
    },
    async *generate(request) {
      const { signal, sampling } = request;
      signal.throwIfAborted();
      if (sampling.maxTokens === undefined)
        contextWindow ??= await contextWindowOf(endpoint, signal, "anthropic");
      const most = contextWindow
        ? Math.min(defaultMaxTokens, contextWindow >> 1)
        : defaultMaxTokens;
      const limited = { ...request, sampling: { maxTokens: most, ...sampling } };
      yield* withRetry(() => generateOnce(options, limited), { retries: endpoint.retries, signal });
    },
    close: async () => {},
  };
}

async function* generateOnce(
  options: AnthropicOptions,
  request: EngineRequest,
): AsyncGenerator<EngineEvent, void> {
  const { endpoint } = options;
  const reply = requestBody({
    endpoint,
    path: `${anthropicRoot(endpoint.baseUrl)}/messages`,
    headers: anthropicHeaders(endpoint.apiKey),
    body: requestOf(options, request),
    signal: request.signal,
  });
  yield* readReply(reply, { endpoint, request, read: readEvent });
}

function requestOf(
  { endpoint, temperatureScale }: AnthropicOptions,
  request: EngineRequest,
): object {
  const { temperature, topP, topK, maxTokens } = request.sampling;
  const { system, messages } = writeAnthropicMessages(rewriteCallIds(request.messages));
  return {
    model: endpoint.model,
    max_tokens: maxTokens,
    ...(system === "" ? {} : { system }),
    messages,
    ...(request.tools.length === 0
      ? {}
      : {
          tools: request.tools.map(({ name, description, parameters }) => ({
            name,
            description,
            input_schema: parameters,
          })),
        }),
    ...(temperature === undefined ? {} : { temperature: temperature / temperatureScale }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(topK === undefined ? {} : { top_k: topK }),
    stream: endpoint.stream,
  };
}

interface StreamEvent {
  readonly type?: string;
  readonly index?: number;
  readonly message?: WholeMessage;
  readonly content_block?: AnthropicBlock;
  readonly delta?: {
    readonly type?: string;
    readonly text?: string;
    readonly thinking?: string;
    readonly signature?: string;
    readonly partial_json?: string;
    readonly stop_reason?: string | null;
  };
  readonly usage?: AnthropicUsage;
}

interface WholeMessage {
  readonly content?: readonly AnthropicBlock[];
  readonly stop_reason?: string | null;
  readonly usage?: AnthropicUsage;
}

interface AnthropicUsage {
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly cache_read_input_tokens?: number | null;
}

function readEvent(reader: ReplyReader, event: StreamEvent): EngineEvent[] {
  readUsage(reader, event.usage ?? event.message?.usage);
  const index = event.index ?? 0;
  switch (event.type) {
    case "message": {
      const { content = [], stop_reason: reason } = event as WholeMessage;
      reader.finish(finishReason(reason));
      return content.flatMap((block, position) => readBlock(reader, block, position));
    }
    case "content_block_start":
      return readBlock(reader, event.content_block, index);
    case "content_block_delta":
      return readDelta(reader, event.delta ?? {}, index);
    case "message_delta":
      if (event.delta?.stop_reason) reader.finish(finishReason(event.delta.stop_reason));
      return [];
    case "message_stop":
      if (!reader.isComplete) reader.finish("stop");
      return [];
    default:
      return []; // message_start, content_block_stop, ping, and what is yet to be invented
  }
}

function readBlock(
  reader: ReplyReader,
  block: AnthropicBlock | undefined,
  index: number,
): EngineEvent[] {
  switch (block?.type) {
    case "text":
      return reader.content(block.text ?? "");
    case "thinking":
      return readDelta(
        reader,
        { thinking: block.thinking ?? "", signature: block.signature ?? "" },
        index,
      );
    case "tool_use": {
      const { id = "", name = "", input } = block;
      // In a stream the input is an empty object at first and comes in pieces.
      const text = input && Object.keys(input).length > 0 ? JSON.stringify(input) : "";
      return reader.call({ index, id, function: { name, arguments: text } });
    }
    default:
      return [];
  }
}

function readDelta(
  reader: ReplyReader,
  delta: NonNullable<StreamEvent["delta"]>,
  index: number,
): EngineEvent[] {
  const events: EngineEvent[] = [];
  if (delta.text) events.push(...reader.content(delta.text));
  if (delta.thinking) events.push(...reader.thinking(delta.thinking));
  if (delta.signature)
    events.push({ type: "thinking-delta", text: "", signature: delta.signature });
  if (delta.partial_json)
    events.push(...reader.call({ index, function: { arguments: delta.partial_json } }));
  return events;
}

/** Input tokens come first, output tokens last. */
function readUsage(reader: ReplyReader, usage: AnthropicUsage | undefined): void {
  if (!usage) return;
  const cachedTokens = usage.cache_read_input_tokens ?? reader.usage.cachedTokens;
  reader.usage = {
    inputTokens: usage.input_tokens ?? reader.usage.inputTokens,
    outputTokens: usage.output_tokens ?? reader.usage.outputTokens,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
  };
}

function finishReason(reason: string | null | undefined): "stop" | "length" | "filtered" {
  if (reason === "max_tokens") return "length";
  return reason === "refusal" ? "filtered" : "stop";
}
