import type { Usage } from "../engine.ts";
import { spellPrompt } from "../kimi/prompt-writer.ts";
import type { KimiTokenizer } from "../kimi/tokenizer.ts";
import type { Prompt, TextEvent, TextModel, TextRequest } from "../text-engine.ts";
import type { Endpoint } from "./endpoint.ts";
import { readEvents } from "./event-stream.ts";
import { requestBody } from "./http.ts";
import { contextWindowOf } from "./list-models.ts";
import { openAiSampling, readOpenAiUsage, type OpenAiUsage } from "./openai-fields.ts";
import { withRetry } from "./retry.ts";

export interface CompletionsOptions {
  readonly endpoint: Endpoint;
  /** Of the server's model: the prompt is then sent as ids, in which no text can pass for a control token. */
  readonly tokenizer: KimiTokenizer | undefined;
}

/** Tokens of a reply where neither the user nor the server sets a limit: the protocol's own default is 16. */
const defaultMaxTokens = 8_192;

/** A raw completions endpoint as a model that continues text. */
export function completionsModel({ endpoint, tokenizer }: CompletionsOptions): TextModel {
  let contextWindow: number | undefined;
  return {
    name: endpoint.model,
    get contextWindow() {
      return contextWindow ?? 0;
    },
    async *complete(request) {
      const prompt = tokenizer
        ? tokenizer.encodePrompt(request.prompt)
        : spellSafely(request.prompt);
      const { signal } = request;
      signal.throwIfAborted();
      let { maxTokens } = request.sampling;
      if (maxTokens === undefined) {
        contextWindow ??= await contextWindowOf(endpoint, signal);
        maxTokens = roomFor(prompt, contextWindow);
      }
      const limited = { ...request, sampling: { ...request.sampling, maxTokens } };
      yield* withRetry(() => completeOnce(endpoint, limited, prompt), {
        retries: endpoint.retries,
        signal,
      });
    },
    close: async () => {},
  };
}

/** Without a tokenizer a token counts as 1.5 characters, which is more than it has in any language. */
function roomFor(prompt: string | readonly number[], contextWindow: number): number {
  if (contextWindow === 0) return defaultMaxTokens;
  const tokens = typeof prompt === "string" ? Math.ceil(prompt.length / 1.5) : prompt.length;
  return Math.min(defaultMaxTokens, Math.max(contextWindow - tokens, 64));
}

const controlSpelling = /<(?=\|[a-z_]+\|>|\/?think>)|\[(?=(?:BOS|EOS|EOT|PAD|UNK)\])/g;

/**
 * The prompt as one string. A server reads a control token wherever one is spelled; where a text
 * spells one, a zero-width space keeps it text.
 */
function spellSafely(prompt: Prompt): string {
  return spellPrompt(
    prompt.map((piece) =>
      piece.type === "text"
        ? { type: "text", text: piece.text.replaceAll(controlSpelling, "$&\u200b") }
        : piece,
    ),
  );
}

interface CompletionChunk {
  readonly choices?: readonly { readonly text?: string; readonly finish_reason?: string | null }[];
  readonly usage?: OpenAiUsage | null;
}

async function* completeOnce(
  endpoint: Endpoint,
  { sampling, stop, signal }: TextRequest,
  prompt: string | readonly number[],
): AsyncGenerator<TextEvent, void> {
  const body = {
    model: endpoint.model,
    prompt,
    ...openAiSampling(sampling),
    // As stop strings, only what no ordinary text spells.
    stop: stop.filter((token) => token.startsWith("<|")),
    skip_special_tokens: false,
    stream: endpoint.stream,
    ...(endpoint.stream ? { stream_options: { include_usage: true } } : {}),
  };
  let finish: string | undefined;
  let usage: Usage = { inputTokens: 0, outputTokens: 0 };
  const reply = requestBody({ endpoint, path: "/completions", body, signal });
  const { baseUrl, timers } = endpoint;
  const isComplete = (): boolean => finish !== undefined;
  for await (const chunks of readEvents(reply, {
    baseUrl,
    silenceMs: timers.firstTokenMs,
    isComplete,
  })) {
    let text = "";
    for (const { choices, usage: counts } of chunks as CompletionChunk[]) {
      const choice = choices?.[0];
      if (counts) usage = readOpenAiUsage(counts);
      if (choice?.finish_reason) finish = choice.finish_reason;
      text += choice?.text ?? "";
    }
    if (text !== "") yield { type: "raw-text", text };
  }
  yield { type: "finish", reason: finish === "length" ? "length" : "stop", usage };
}
