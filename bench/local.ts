import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "../src/engine/engine.ts";
import { kimiDialect } from "../src/engine/kimi/kimi-dialect.ts";
import { LlamaTextModel } from "../src/engine/local/llama-text-model.ts";
import { loadLlama, type LoadedLlama } from "../src/engine/local/load-llama.ts";
import { openModelFile } from "../src/engine/local/model-file.ts";
import { chooseThreads } from "../src/engine/local/threads.ts";
import { textEngine, type Dialect, type TextEvent } from "../src/engine/text-engine.ts";
import { userText, type Message, type ToolSpec } from "../src/message.ts";
import { inTurn, root, type Figure } from "./measure.ts";

const path = join(root, "models", "kimi-nano", "kimi-nano-q8_0.gguf");
const decodeTokens = 100;

interface Speed {
  /** Milliseconds a token. */
  readonly prefill: number;
  readonly decode: number;
}

/** The local engine, through to its events, against the bindings' own loop on the same file. */
export async function local(): Promise<Figure[]> {
  const file = openModelFile(path);
  const threads = chooseThreads(file.sizeBytes);
  const raw = await loadLlama({ file, threads, placement: {} });
  const cacheFolder = mkdtempSync(join(tmpdir(), "kimi-bench-"));
  // Nothing stops a reply but its limit, so that both loops decode as many tokens.
  let firstToken = 0;
  const endless: Dialect = {
    write(request) {
      const written = kimiDialect.write(request);
      return { ...written, stop: [], read: (output) => written.read(noteFirst(output)) };
    },
  };
  async function* noteFirst(output: AsyncIterable<TextEvent>): AsyncGenerator<TextEvent, void> {
    for await (const event of output) {
      if (event.type !== "progress") firstToken ||= performance.now();
      yield event;
    }
  }
  const engine = textEngine(new LlamaTextModel({ path, cacheFolder }), endless);
  const signal = new AbortController().signal;
  let round = 0;
  const generate = async (messages: readonly Message[], maxTokens: number) => {
    let last: EngineEvent | undefined;
    const request = {
      messages,
      tools: [] as ToolSpec[],
      sampling: { temperature: 0, maxTokens },
      signal,
    };
    for await (const event of engine.generate(request)) last = event;
    if (last?.type !== "finish") throw new Error("no finish");
    return last.usage;
  };
  /** Begins differently each time, so that no round finds its prompt in the cache. */
  const prompt = (): Message[] => [
    { role: "system", text: `Round ${round++}.` },
    userText("word and number 17, ".repeat(60)),
  ];
  try {
    const speeds = await inTurn(
      61,
      () => rawSpeed(raw, tokensOf(prompt())),
      async (): Promise<Speed> => {
        const messages = prompt();
        const started = performance.now();
        const { inputTokens } = await generate(messages, 1);
        const prefilled = performance.now();
        // The same prompt again is in the cache: what is left is decoding, from the first token to the last.
        firstToken = 0;
        await generate(messages, decodeTokens);
        return {
          prefill: (prefilled - started) / inputTokens,
          decode: (performance.now() - firstToken) / (decodeTokens - 1),
        };
      },
    );
    const first = prompt();
    const before = await generate(first, 40);
    const more: Message[] = [
      ...first,
      { role: "tool", callId: "x", toolName: "t", output: "word ".repeat(100), isError: false },
    ];
    const after = await generate(more, 1);
    const fresh = after.inputTokens - before.inputTokens;
    const rate = (of: Speed, key: keyof Speed): string => (1000 / of[key]).toFixed(0);
    return [
      {
        name: "local prefill ÷ the bindings' own",
        value: 1 / speeds.ratio.prefill,
        unit: "×",
        goal: 0.97,
        atLeast: true,
        detail: `${rate(speeds.ours, "prefill")} ÷ ${rate(speeds.base, "prefill")} tokens/s`,
      },
      {
        name: "local decode ÷ the bindings' own",
        value: 1 / speeds.ratio.decode,
        unit: "×",
        goal: 0.97,
        atLeast: true,
        detail: `${rate(speeds.ours, "decode")} ÷ ${rate(speeds.base, "decode")} tokens/s`,
      },
      {
        name: "follow-up turn: evaluated ÷ new tokens",
        value: (after.inputTokens - (after.cachedTokens ?? 0)) / fresh,
        unit: "×",
        goal: 1.05,
        detail: `${after.inputTokens - (after.cachedTokens ?? 0)} ÷ ${fresh} tokens`,
      },
    ];
  } finally {
    await engine.close();
    await raw.dispose();
  }

  function tokensOf(messages: readonly Message[]): number[] {
    const { prompt: pieces } = kimiDialect.write({ messages, tools: [] });
    return pieces.flatMap((piece) =>
      piece.type === "text"
        ? raw.model.tokenize(piece.text)
        : raw.model.tokenize(piece.token, true),
    );
  }
}

async function rawSpeed({ sequence }: LoadedLlama, ids: number[]): Promise<Speed> {
  const tokens = ids as Parameters<typeof sequence.evaluate>[0];
  await sequence.clearHistory();
  const started = performance.now();
  const options = { temperature: 0, topK: 0, topP: 1, yieldEogToken: true };
  let count = 0;
  for await (const _ of sequence.evaluate(tokens, options)) if (++count === 1) break;
  const prefilled = performance.now();
  await sequence.eraseContextTokenRanges([{ start: ids.length - 1, end: sequence.nextTokenIndex }]);
  count = 0;
  let first = 0;
  for await (const _ of sequence.evaluate(tokens.slice(-1), options)) {
    if (count === 0) first = performance.now();
    if (++count === decodeTokens) break;
  }
  return {
    prefill: (prefilled - started) / ids.length,
    decode: (performance.now() - first) / (decodeTokens - 1),
  };
}
