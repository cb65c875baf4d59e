import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Protocol } from "../../src/config/settings.ts";
import type { Engine, EngineRequest } from "../../src/engine/engine.ts";
import { openEngine, type RemoteEngineConfig } from "../../src/engine/open-engine.ts";
import { userText, type ToolSpec } from "../../src/message.ts";
import { nanoModel } from "./golden.ts";

export function remoteConfig(
  protocol: Protocol,
  url: string,
  more: Partial<RemoteEngineConfig> = {},
): RemoteEngineConfig {
  return {
    type: "remote",
    protocol,
    baseUrl: url,
    model: "fake",
    apiKey: "secret-key",
    stream: true,
    timers: { connectMs: 5_000, firstTokenMs: 5_000, idleMs: 5_000 },
    retries: 0,
    temperatureScale: 1,
    ...more,
  };
}

export async function openRemote(...config: Parameters<typeof remoteConfig>): Promise<Engine> {
  return openEngine(remoteConfig(...config), new AbortController().signal);
}

/** A cache folder for the files of this process, so that each model is tried once. */
export const cacheFolder = mkdtempSync(join(tmpdir(), "kimi-cache-"));

export async function openNano(): Promise<Engine> {
  const engine = await openEngine(
    { type: "local", path: nanoModel, cacheFolder },
    new AbortController().signal,
  );
  onTestFinished(() => engine.close());
  return engine;
}

export const weatherSpec: ToolSpec = {
  name: "get_weather",
  description: "Get the current weather in a city. Call this when the user asks about the weather.",
  parameters: {
    type: "object",
    properties: { city: { type: "string", description: "Name of the city, for example Beijing" } },
    required: ["city"],
  },
};

export function request(more: Partial<EngineRequest> = {}): EngineRequest {
  return {
    messages: [userText("What's the weather like in Beijing today? Use the tool to check.")],
    tools: [weatherSpec],
    sampling: { temperature: 0 },
    signal: new AbortController().signal,
    ...more,
  };
}
