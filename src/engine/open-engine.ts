import { configurationError, KimiError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import type { PlacementOptions } from "./local/local-placement.ts";
import type { PromptCacheOptions } from "./local/prompt-cache/prompt-cache.ts";
import type { Endpoint, Timers } from "./remote/endpoint.ts";

export interface LocalEngineConfig {
  readonly type: "local";
  readonly path: string;
  readonly threads?: number;
  readonly placement?: PlacementOptions;
  readonly cacheFolder: string;
  /** Whether tool calls are held to their form and schema; they are if left out. */
  readonly constrain?: boolean;
  readonly promptCache?: PromptCacheOptions;
}

export interface RemoteEngineConfig {
  readonly type: "remote";
  readonly protocol: "chat" | "completions" | "anthropic";
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Left out, the server's only model. */
  readonly model?: string;
  readonly stream: boolean;
  readonly timers: Timers;
  readonly retries: number;
  /** Of the server's model, for `completions`: the path of a vocabulary. */
  readonly tokenizer?: string;
  readonly temperatureScale: number;
  /** Takes lines on what is sent and received, for --debug. */
  readonly trace?: (line: string) => void;
}

export type EngineConfig = LocalEngineConfig | RemoteEngineConfig;

/** Opens the engine that a configuration names; loads no other's code. */
export async function openEngine(config: EngineConfig, signal: AbortSignal): Promise<Engine> {
  if (config.type === "local") {
    const [{ textEngine }, { kimiDialect }, { LlamaTextModel }] = await Promise.all([
      import("./text-engine.ts"),
      import("./kimi/kimi-dialect.ts"),
      import("./local/llama-text-model.ts"),
    ]);
    return textEngine(new LlamaTextModel(config), kimiDialect);
  }
  const endpoint: Endpoint = {
    ...config,
    model: config.model ?? (await onlyModel(config, signal)),
  };
  switch (config.protocol) {
    case "chat":
      return (await import("./remote/chat-completions.ts")).chatCompletionsEngine(endpoint);
    case "anthropic": {
      const { anthropicMessagesEngine } = await import("./remote/anthropic-messages.ts");
      return anthropicMessagesEngine({ endpoint, temperatureScale: config.temperatureScale });
    }
    case "completions": {
      const [{ textEngine }, { kimiDialect }, { completionsModel }] = await Promise.all([
        import("./text-engine.ts"),
        import("./kimi/kimi-dialect.ts"),
        import("./remote/completions.ts"),
      ]);
      const tokenizer =
        config.tokenizer === undefined ? undefined : await openTokenizer(config.tokenizer);
      return textEngine(completionsModel({ endpoint, tokenizer }), kimiDialect);
    }
    default:
      return config.protocol satisfies never;
  }
}

export async function openTokenizer(
  path: string,
): Promise<import("./kimi/tokenizer.ts").KimiTokenizer> {
  const [{ KimiTokenizer }, { readVocabulary }] = await Promise.all([
    import("./kimi/tokenizer.ts"),
    import("./kimi/vocabulary.ts"),
  ]);
  return new KimiTokenizer(readVocabulary(path));
}

async function onlyModel(config: RemoteEngineConfig, signal: AbortSignal): Promise<string> {
  const { listModels } = await import("./remote/list-models.ts");
  const { baseUrl } = config;
  const ids = await listModels(
    { ...config, model: "" },
    signal,
    config.protocol === "anthropic" ? "anthropic" : "openai",
  ).then(
    (models) => models.map(({ id }) => id),
    (cause: unknown) => {
      // Without the list there is no name to guess; other failures say more about the server.
      if (cause instanceof KimiError && cause.code !== "not-found") throw cause;
      return [];
    },
  );
  const [only] = ids;
  if (ids.length === 1 && only !== undefined) return only;
  throw configurationError(
    ids.length === 0
      ? `${baseUrl} has no list of models`
      : `${baseUrl} has several models: ${ids.slice(0, 8).join(", ")}`,
    ids.length === 0
      ? "Check the address, which on most servers ends with /v1, or choose a model with --model."
      : "Choose one with --model.",
  );
}
