/** The embedded model with a state on disk, as a process that goes on with a conversation has it. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine, EngineEvent, Usage } from "../../src/engine/engine.ts";
import type { PlacementOptions } from "../../src/engine/local/local-placement.ts";
import type { PromptCacheOptions } from "../../src/engine/local/prompt-cache/prompt-cache.ts";
import { openEngine } from "../../src/engine/open-engine.ts";
import { userText, type Message } from "../../src/message.ts";
import { cacheFolder, request, weatherSpec } from "./engines.ts";
import { collect, said } from "./events.ts";
import { nanoModel } from "./golden.ts";

export function newStateFile(): string {
  return join(mkdtempSync(join(tmpdir(), "kimi-state-")), "work.kv");
}

export interface CachedNano extends Partial<PromptCacheOptions> {
  readonly path?: string;
  readonly placement?: PlacementOptions;
}

/** Without a `file` nothing is kept. */
export function openCachedNano({ path, placement, ...cache }: CachedNano): Promise<Engine> {
  const { file, maxBytes = 2 ** 30, makeRoom = () => true } = cache;
  return openEngine(
    {
      type: "local",
      path: path ?? nanoModel,
      cacheFolder,
      ...(placement ? { placement } : {}),
      ...(file ? { promptCache: { file, maxBytes, makeRoom } } : {}),
    },
    new AbortController().signal,
  );
}

export interface Turn {
  readonly reply: Message;
  readonly usage: Usage;
}

/** One greedy request. */
export async function ask(engine: Engine, messages: readonly Message[]): Promise<Turn> {
  const events: EngineEvent[] = await collect(
    engine.generate(request({ messages, tools: [weatherSpec] })),
  );
  const finish = events.at(-1);
  if (finish?.type !== "finish") throw new Error("no finish");
  const { text, calls } = said(events);
  const words = text === "" ? [] : [{ type: "text" as const, text }];
  return { reply: { role: "assistant", content: [...words, ...calls] }, usage: finish.usage };
}

/** One request of an engine that is opened for it and closed after it. */
export async function askOnce(nano: CachedNano, messages: readonly Message[]): Promise<Turn> {
  const engine = await openCachedNano(nano);
  try {
    return await ask(engine, messages);
  } finally {
    await engine.close();
  }
}

export const question = userText(
  "What's the weather like in Beijing today? Use the tool to check.",
);

export const weatherResult: Message = {
  role: "tool",
  callId: "functions.get_weather:0",
  toolName: "get_weather",
  output:
    '{"city": "Beijing", "country": "China", "temperature_c": 3.4, "condition": "Sunny", "humidity_pct": 31, "wind_kmh": 12}',
  isError: false,
};
