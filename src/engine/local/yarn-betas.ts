import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { numberIn, type ModelFile } from "./model-file.ts";

export interface YarnBetas {
  readonly fast: number;
  readonly slow: number;
}

/**
 * The YaRN betas that a model was trained with: of the file's own keys, else of a `config.json` beside it.
 * `undefined` where llama.cpp computes right without being told: it reads the keys for other architectures,
 * and takes 32 and 1 for DeepSeek's (k2-facts §4.11).
 */
export function yarnBetas(file: ModelFile): YarnBetas | undefined {
  const { metadata } = file.head;
  const isYarn = metadata.get("deepseek2.rope.scaling.type") === "yarn";
  if (metadata.get("general.architecture") !== "deepseek2" || !isYarn) return undefined;
  const beside = numberIn(file, "deepseek2.rope.scaling.yarn_beta_fast") === undefined;
  const config = beside ? scalingOf(join(dirname(file.path), "config.json")) : {};
  const number = (name: string): unknown =>
    numberIn(file, `deepseek2.rope.scaling.yarn_${name}`) ?? config[name];
  const fast = number("beta_fast") ?? 32;
  const slow = number("beta_slow") ?? 1;
  if (typeof fast !== "number" || typeof slow !== "number") return undefined;
  return fast === 32 && slow === 1 ? undefined : { fast, slow };
}

type Json = Readonly<Record<string, unknown>>;

function scalingOf(path: string): Json {
  try {
    const config = JSON.parse(readFileSync(path, "utf8")) as Json;
    const text = (config["text_config"] ?? config) as Json;
    return (text["rope_scaling"] ?? {}) as Json;
  } catch {
    return {}; // not there, or another program's
  }
}
