import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import envPaths from "env-paths";
import type { ApprovalRules } from "../agent/approval.ts";
import { resolveConfig, type Config } from "../config/resolve.ts";
import type { Settings } from "../config/settings.ts";
import { KimiError } from "../errors.ts";
import { findPulledModel, requireComplete, type PulledModel } from "../models/model-folder.ts";
import type { Sampling } from "../engine/engine.ts";
import type { PlacementOptions } from "../engine/local/local-placement.ts";
import type { EngineConfig } from "../engine/open-engine.ts";
import { makeRoomForState, sessionStatePath } from "../session/session-states.ts";

const folders = envPaths("kimi", { suffix: "" });

export const userConfigFile = join(folders.config, "config.json");

export const sessionFolder = join(folders.data, "sessions");

/** Where `kimi models pull` puts models. */
export const modelFolder = join(folders.data, "models");

/** What is known of deployments that were launched. */
export const deploymentFolder = join(folders.data, "deployments");

/** What was typed in the terminal program. */
export const historyFile = join(folders.data, "history.jsonl");

/** Where running terminal programs leave word, for the next one to tidy up after a killed one. */
export const terminalFolder = join(folders.data, "terminals");

/** The model that is always there. */
const embeddedModel = "kimi-nano";

export function embeddedModelFile(): string {
  return join(packageFolder(), "models", "kimi-nano", "kimi-nano-q8_0.gguf");
}

function packageFolder(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, "package.json")) && dirname(at) !== at) at = dirname(at);
  return at;
}

export function readConfig(flags: Partial<Settings>): Config {
  return resolveConfig({
    flags,
    environment: process.env,
    userFile: userConfigFile,
    folder: process.cwd(),
  });
}

export function samplingOf(values: Partial<Settings>): Sampling {
  const sampling = {
    temperature: values.temperature,
    topP: values["top-p"],
    topK: values["top-k"],
    minP: values["min-p"],
    seed: values.seed,
    maxTokens: values["max-tokens"],
  };
  return Object.fromEntries(
    Object.entries(sampling).filter(([, value]) => value !== undefined),
  ) as Sampling;
}

export function approvalRules({
  allow = [],
  ask = [],
  deny = [],
}: Partial<Settings>): ApprovalRules {
  return { allow, ask, deny };
}

/** The engine that a configuration means. @throws KimiError for a model that is neither a file nor a server's. */
export function engineConfig({ values }: Config, trace?: (line: string) => void): EngineConfig {
  const { "base-url": baseUrl, "api-key": apiKey, model } = values;
  const local = {
    ...(values.threads === undefined ? {} : { threads: values.threads }),
    placement: placementOf(values),
    constrain: values.constrain ?? true,
  };
  if (!baseUrl)
    return { type: "local", path: modelFile(model), cacheFolder: folders.cache, ...local };
  return {
    type: "remote",
    baseUrl,
    protocol: values.protocol ?? "chat",
    stream: values.stream ?? true,
    timers: {
      connectMs: (values["connect-timeout"] ?? 0) * 1000,
      firstTokenMs: (values["first-token-timeout"] ?? 0) * 1000,
      idleMs: (values["idle-timeout"] ?? 0) * 1000,
    },
    retries: values.retries ?? 0,
    temperatureScale: values["temperature-scale"] ?? 1,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(model === undefined ? {} : { model }),
    ...(values.tokenizer === undefined ? {} : { tokenizer: values.tokenizer }),
    ...(trace ? { trace } : {}),
  };
}

/** A local engine that keeps what it has computed of a session beside its file; others as they are. */
export function withPromptCache(
  engine: EngineConfig,
  { values }: Config,
  sessionFile: () => string | undefined,
): EngineConfig {
  const maxBytes = (values["prompt-cache"] ?? 0) * 2 ** 30;
  if (engine.type !== "local" || maxBytes === 0) return engine;
  const file = (): string | undefined => {
    const path = sessionFile();
    return path === undefined ? undefined : sessionStatePath(path);
  };
  const makeRoom = (path: string, bytes: number): boolean =>
    makeRoomForState(path, bytes, maxBytes);
  return { ...engine, promptCache: { file, maxBytes, makeRoom } };
}

/** What is not left to be chosen. */
function placementOf(values: Partial<Settings>): PlacementOptions {
  const { context, mmap, mlock } = values;
  const gpuLayers = values["gpu-layers"];
  const nCpuMoe = values["n-cpu-moe"];
  const kvType = values["kv-type"];
  const flash = values["flash-attention"];
  return {
    ...(context === undefined ? {} : { contextSize: context }),
    ...(gpuLayers === undefined || gpuLayers === "auto" ? {} : { gpuLayers }),
    ...(nCpuMoe === undefined || nCpuMoe === "auto" ? {} : { nCpuMoe }),
    ...(kvType === undefined || kvType === "f16" ? {} : { kvType }),
    ...(flash === undefined || flash === "auto" ? {} : { flashAttention: flash === "on" }),
    ...(mmap === false ? { mmap } : {}),
    ...(mlock === true ? { mlock } : {}),
  };
}

function modelFile(model: string | undefined): string {
  if (model === undefined || model === embeddedModel) return embeddedModelFile();
  if (model.endsWith(".gguf") || existsSync(model)) return model;
  const pulled = findPulledModel(modelFolder, model);
  if (pulled) return pulledFile(pulled);
  throw new KimiError(`there is no model ${model}`, {
    code: "unknown-model",
    exitCode: 2,
    hint: `Give the path of a .gguf file, ${embeddedModel} for the embedded one, or --base-url for a server's model.`,
  });
}

/** @throws KimiError for one that is not whole, or that is to be converted first. */
function pulledFile(pulled: PulledModel): string {
  requireComplete(pulled);
  const { name, path } = pulled;
  if (path.endsWith(".gguf")) return path;
  throw new KimiError(`the model ${name} is a checkpoint, which the local engine can't read`, {
    code: "unknown-model",
    hint: `Serve it, or convert it: kimi models convert ${path} OUT.gguf`,
  });
}

/** What to say about settings of a project's file that were not obeyed. */
export function ignoredNotice({ ignored }: Config): string | undefined {
  if (!ignored) return undefined;
  const what = "a project's file may not set where data goes and what runs";
  return `ignored ${ignored.names.join(", ")} in ${ignored.path}: ${what}`;
}
