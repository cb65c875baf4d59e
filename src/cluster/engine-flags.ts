/** The flags that an engine's programs accept, by version: data that `scripts/engine-flags.ts` asked of their own parsers. */
import { usageError } from "../errors.ts";
import type { EngineName } from "./deployment-plan.ts";

/** How many values follow: a number of them, at most one, any number, or at least one. */
export type ValueCount = number | "?" | "*" | "+";

/** What a value must look like. `size` is a whole number that may end in k, m, g or t. */
export type ValueType = "text" | "int" | "float" | "size" | "json";

export interface Flag {
  /** Every spelling that the parser knows, such as `--tensor-parallel-size`, `-tp`, `--no-x`. */
  readonly names: readonly string[];
  readonly takes: ValueCount;
  /** Absent where no value follows. */
  readonly type?: ValueType;
  readonly choices?: readonly string[];
  readonly required?: boolean;
  readonly deprecated?: boolean;
  /** Known only in order to be refused: what the parser then says. */
  readonly refused?: string;
}

export interface Positional {
  readonly name: string;
  readonly takes: ValueCount;
  readonly type?: ValueType;
  readonly choices?: readonly string[];
}

export interface ProgramFlags {
  /** `vllm` is argparse with `_` for `-` in names, and `--flag.key value` for a key of a JSON flag. */
  readonly dialect: "argparse" | "click" | "vllm";
  readonly positionals: readonly Positional[];
  readonly flags: readonly Flag[];
}

export interface EngineFlags {
  readonly engine: EngineName;
  readonly version: string;
  /** How the parsers were asked. */
  readonly source: string;
  /** By how the program is started: `vllm serve`, `python -m sglang.launch_server`. */
  readonly commands: Readonly<Record<string, ProgramFlags>>;
}

type Load = () => Promise<{ readonly default: unknown }>;

/** Newest first. Each file is a chunk of its own in the built program. */
const files: Readonly<Record<EngineName, Readonly<Record<string, Load>>>> = {
  vllm: {
    "0.33.0": () => import("./engine-flags/vllm-0.33.0.json", { with: { type: "json" } }),
    "0.32.0": () => import("./engine-flags/vllm-0.32.0.json", { with: { type: "json" } }),
    "0.12.0": () => import("./engine-flags/vllm-0.12.0.json", { with: { type: "json" } }),
    "0.10.0": () => import("./engine-flags/vllm-0.10.0.json", { with: { type: "json" } }),
  },
  sglang: {
    "0.5.23": () => import("./engine-flags/sglang-0.5.23.json", { with: { type: "json" } }),
    "0.4.10": () => import("./engine-flags/sglang-0.4.10.json", { with: { type: "json" } }),
  },
  ktransformers: {
    "0.7.2": () => import("./engine-flags/ktransformers-0.7.2.json", { with: { type: "json" } }),
  },
  "tensorrt-llm": {
    "1.3.0rc3": () =>
      import("./engine-flags/tensorrt-llm-1.3.0rc3.json", { with: { type: "json" } }),
  },
};

/** Newest first. KTransformers' versions are those of its package sglang-kt. */
export function knownVersions(engine: EngineName): readonly string[] {
  return Object.keys(files[engine]);
}

/** `wanted` itself or, of a prefix such as `0.33`, the newest that begins so; without it the newest. */
export function resolveVersion(engine: EngineName, wanted?: string): string {
  const known = knownVersions(engine);
  const found = known.find(
    (version) => wanted === undefined || version === wanted || version.startsWith(`${wanted}.`),
  );
  if (found !== undefined) return found;
  throw usageError(
    `the flags of ${engine} ${wanted} are not known`,
    `Known versions: ${known.join(", ")}.`,
  );
}

export async function readEngineFlags(engine: EngineName, version: string): Promise<EngineFlags> {
  const load = files[engine][resolveVersion(engine, version)];
  if (load === undefined) throw usageError(`the flags of ${engine} ${version} are not known`);
  return (await load()).default as EngineFlags;
}

/** Whether a program (`vllm serve`) accepts a flag by exactly this name, and does not just refuse it with advice. */
export function hasFlag(flags: EngineFlags, command: string, name: string): boolean {
  const flag = flags.commands[command]?.flags.find(({ names }) => names.includes(name));
  return flag !== undefined && flag.refused === undefined;
}

/** The values that a flag takes; `undefined` where any is, or there is no such flag. */
export function choicesOf(
  flags: EngineFlags,
  command: string,
  name: string,
): readonly string[] | undefined {
  return flags.commands[command]?.flags.find(({ names }) => names.includes(name))?.choices;
}
