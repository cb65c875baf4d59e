import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledRelease } from "../../checkpoint/llama-architectures.ts";
import type { QuantizerModule } from "../../checkpoint/convert/load-quantizer.ts";
import { messageOf } from "../../errors.ts";

/** What llama.cpp can do and its bindings have no option for (`native/kimi-native.cc`). */
export interface NativeAddon {
  /** For every model loaded from now on, until set anew; `{}` for llama.cpp's own defaults. @throws Error for a pattern that is none. */
  setModelParameters(parameters: {
    /** Regular expressions (C++, ECMAScript); tensors whose names match stay on the CPU. */
    readonly cpuTensorPatterns?: readonly string[];
    /** Whether weights may be laid out anew for the CPU (AMX, repacking). */
    readonly useExtraBuffers?: boolean;
    readonly noHost?: boolean;
  }): void;
  /** For every context made from now on, until set anew. */
  setContextParameters(parameters: {
    readonly yarnBetaFast?: number;
    readonly yarnBetaSlow?: number;
  }): void;
  /** How often the bindings have asked: 0 after a load means that nothing was set. */
  timesTaken(): number;
  /** Contexts that keep their threads between graphs: those of two threads or more, which ggml would start anew each time. */
  threadPools(): number;
}

/** The addon, or the reason why it is not there, as a clause. */
export type NativeAddonResult = { readonly addon: NativeAddon } | { readonly missing: string };

interface Exports {
  setModelParameters(
    patterns: readonly string[],
    useExtraBuffers?: boolean,
    noHost?: boolean,
  ): void;
  setContextParameters(yarnBetaFast?: number, yarnBetaSlow?: number): void;
  timesTaken(): number;
  threadPools(): number;
}

let opened: NativeAddonResult | undefined;

/**
 * Loads the addon, once in a process. It must be there before node-llama-cpp is imported, whose symbols it
 * stands in for, and it fits one release of llama.cpp only, whose structs it knows.
 */
export function openNativeAddon(): NativeAddonResult {
  opened ??= load();
  return opened;
}

/** What the converter's threads load for the K-quants; `undefined` if the addon is missing. */
export function quantizerModule(): QuantizerModule | undefined {
  const libraries = librariesFolder();
  if (missing() !== undefined || libraries === undefined) return undefined;
  return { path: addonFile(), library: join(libraries, "libggml-base.so") };
}

function load(): NativeAddonResult {
  const reason = missing();
  if (reason !== undefined) return { missing: reason };
  const module = { exports: {} as Exports };
  try {
    process.dlopen(module, addonFile(), constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL);
  } catch (thrown) {
    return { missing: `it can't be loaded: ${messageOf(thrown)}` };
  }
  const { exports } = module;
  return {
    addon: {
      setModelParameters: ({ cpuTensorPatterns = [], useExtraBuffers, noHost }) =>
        exports.setModelParameters(cpuTensorPatterns, useExtraBuffers, noHost),
      setContextParameters: ({ yarnBetaFast, yarnBetaSlow }) =>
        exports.setContextParameters(yarnBetaFast, yarnBetaSlow),
      timesTaken: () => exports.timesTaken(),
      threadPools: () => exports.threadPools(),
    },
  };
}

function missing(): string | undefined {
  if (process.platform !== "linux") return "it is for Linux only";
  if (process.env["KIMI_NATIVE"] === "off") return "KIMI_NATIVE is off";
  if (!existsSync(addonFile()))
    return `it was not built for ${process.platform}-${process.arch}: there was no C++ compiler when kimi was installed`;
  const release = releaseOf(bindingsFolder());
  if (release === bundledRelease) return undefined;
  return `it was made for llama.cpp ${bundledRelease}, and the bindings bundle ${release}`;
}

function addonFile(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, "package.json")) && dirname(at) !== at) at = dirname(at);
  return join(at, "native", "prebuilt", `${process.platform}-${process.arch}.node`);
}

/** Of node-llama-cpp. */
function bindingsFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve("node-llama-cpp")), "..");
}

function releaseOf(folder: string): string {
  try {
    const text = readFileSync(join(folder, "llama", "binariesGithubRelease.json"), "utf8");
    return (JSON.parse(text) as { release: string }).release;
  } catch {
    return "an unknown release";
  }
}

/** Of the CPU's build, beside the bindings or above them. */
function librariesFolder(): string | undefined {
  const name = `linux-${process.arch}`;
  const path = join("node_modules", "@node-llama-cpp", name, "bins", name);
  let at = bindingsFolder();
  while (!existsSync(join(at, path))) {
    if (dirname(at) === at) return undefined;
    at = dirname(at);
  }
  return join(at, path);
}
