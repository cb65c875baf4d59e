import type { Llama, LlamaContextSequence, LlamaModel } from "node-llama-cpp";
import { localFiles } from "../../checkpoint/checkpoint-files.ts";
import { describeModel } from "../../checkpoint/describe-model.ts";
import { readCheckpoint } from "../../checkpoint/read-checkpoint.ts";
import { KimiError, messageOf } from "../../errors.ts";
import { cpuFlags, unsafeOnAmx } from "./amx-guard.ts";
import {
  memoryBytes,
  placeLocally,
  type LocalPlacement,
  type PlacementOptions,
} from "./local-placement.ts";
import type { ModelFile } from "./model-file.ts";
import { numberIn } from "./model-file.ts";
import { openNativeAddon } from "./native-addon.ts";
import { yarnBetas } from "./yarn-betas.ts";

export interface LoadOptions {
  readonly file: ModelFile;
  readonly threads: number;
  readonly placement: PlacementOptions;
  readonly onProgress?: (fraction: number) => void;
  /** Takes the lines of llama.cpp's log, all of them. */
  readonly onLog?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface LoadedLlama {
  readonly model: LlamaModel;
  readonly sequence: LlamaContextSequence;
  /** Most tokens in one native call. */
  readonly batchSize: number;
  /** What was chosen; `undefined` for a tiny model of which nothing was asked. */
  readonly placement: LocalPlacement | undefined;
  dispose(): Promise<void>;
}

/** A model this small is faster on the CPU than the way to a GPU is long. */
const gpuWorthwhileBytes = 64 << 20;
const mostDefaultContext = 32_768;
const batchSize = 512;

/** Loads a model through the bindings and makes one sequence of it. */
export async function loadLlama(options: LoadOptions): Promise<LoadedLlama> {
  const { threads, placement: asked, onLog, signal } = options;
  const native = openNativeAddon(); // before the bindings, whose symbols it replaces
  const { getLlama, LlamaLogLevel } = await import("node-llama-cpp");
  let complaint = ""; // the first, which names the cause; those after it only say that it failed
  const llama = await getLlama({
    gpu: wantsGpu(options) ? "auto" : false,
    build: "never", // only the prebuilt libraries, never a compiler
    skipDownload: true,
    progressLogs: false,
    maxThreads: threads,
    ...(onLog ? { logLevel: LlamaLogLevel.debug } : {}),
    logger: (level, message) => {
      onLog?.(message);
      if (["error", "fatal"].includes(level)) complaint ||= message.trim();
    },
  });
  try {
    const placement = await choosePlacement(llama, options, native);
    const model = await loadWeights(llama, options, placement);
    const trained = model.trainContextSize ?? mostDefaultContext;
    const { kvType, flashAttention } = asked;
    const isPlanned = placement?.contextSize !== undefined;
    const context = await model.createContext({
      contextSize: placement?.contextSize ??
        asked.contextSize ?? { max: Math.min(trained, mostDefaultContext) },
      sequences: 1,
      batchSize,
      threads,
      // A KV cache of 8 bits is only there with it.
      flashAttention: flashAttention ?? (kvType === "q8_0" ? true : "auto"),
      ...(kvType === undefined ? {} : kvTypes(kvType)),
      ...(isPlanned ? { ignoreMemorySafetyChecks: true } : {}),
      ...(signal ? { createSignal: signal } : {}),
    });
    const sequence = context.getSequence();
    return { model, sequence, batchSize, placement, dispose: () => llama.dispose() };
  } catch (cause) {
    await llama.dispose();
    signal?.throwIfAborted();
    if (cause instanceof KimiError) throw cause;
    throw loadFailure(options, complaint || messageOf(cause), cause);
  }
}

function wantsGpu({ file, placement: { gpuLayers, nCpuMoe } }: LoadOptions): boolean {
  if (gpuLayers === 0) return false;
  return file.sizeBytes >= gpuWorthwhileBytes || gpuLayers !== undefined || nCpuMoe !== undefined;
}

/** Plans what is worth it, and tells the addon what the bindings can't tell llama.cpp. */
async function choosePlacement(
  llama: Llama,
  { file, threads, placement: asked }: LoadOptions,
  native: ReturnType<typeof openNativeAddon>,
): Promise<LocalPlacement | undefined> {
  const { contextSize: _, ...wishes } = asked;
  const isPlain = file.sizeBytes < gpuWorthwhileBytes && Object.keys(wishes).length === 0;
  const placement = isPlain ? undefined : await plan();
  if ("addon" in native) {
    const betas = yarnBetas(file);
    const cpuTensorPatterns = placement?.cpuTensorPatterns ?? [];
    native.addon.setModelParameters({
      cpuTensorPatterns,
      // Read into memory, experts would be in buffers that are pinned for the GPU: all of RAM, and not repacked.
      ...(cpuTensorPatterns.length > 0 && asked.mmap === false ? { noHost: true } : {}),
      ...(unsafeOnAmx(file, cpuFlags()) ? { useExtraBuffers: false } : {}),
    });
    native.addon.setContextParameters(
      betas ? { yarnBetaFast: betas.fast, yarnBetaSlow: betas.slow } : {},
    );
  }
  return placement;

  async function plan(): Promise<LocalPlacement | undefined> {
    const model = describeModel(await readCheckpoint(localFiles(file.path)));
    if (!model.architecture || model.weights.layers.length === 0) return undefined;
    return placeLocally(model, asked, {
      gpus: llama.gpu === false ? [] : await gpusOf(llama),
      ramBytes: memoryBytes(),
      threads,
      addonMissing: "addon" in native ? undefined : native.missing,
    });
  }
}

/** The bindings know the devices' names, and the memory of all together. */
async function gpusOf(llama: Llama): Promise<{ name: string; memoryBytes: number }[]> {
  const names = await llama.getGpuDeviceNames();
  const { free } = await llama.getVramState();
  return names.map((name, index) => ({
    name: `GPU ${index} (${name})`,
    memoryBytes: free / names.length,
  }));
}

function loadWeights(
  llama: Llama,
  { file, placement: { mmap, mlock }, onProgress, signal }: LoadOptions,
  placement: LocalPlacement | undefined,
): Promise<LlamaModel> {
  return llama.loadModel({
    modelPath: file.path,
    ...(placement ? { gpuLayers: placement.gpuLayers, ignoreMemorySafetyChecks: true } : {}),
    ...(mmap === undefined ? {} : { useMmap: mmap }),
    ...(mlock === undefined ? {} : { useMlock: mlock }),
    ...(onProgress ? { onLoadProgress: onProgress } : {}),
    ...(signal ? { loadSignal: signal } : {}),
  });
}

/** llama.cpp refuses two types, and has no values of its own for MLA. */
function kvTypes(type: NonNullable<PlacementOptions["kvType"]>): object {
  const name = type.toUpperCase();
  return { experimentalKvCacheKeyType: name, experimentalKvCacheValueType: name };
}

function loadFailure(
  { file, placement: { contextSize, gpuLayers, nCpuMoe } }: LoadOptions,
  reason: string,
  cause: unknown,
): KimiError {
  const architecture = String(file.head.metadata.get("general.architecture"));
  const trained = numberIn(file, `${architecture}.context_length`);
  const hint = (): string => {
    if (contextSize !== undefined && contextSize > (trained ?? 0))
      return `Try a smaller --context; the model was trained for ${trained}.`;
    if (gpuLayers !== undefined || nCpuMoe !== undefined)
      return "Try fewer --gpu-layers, --n-cpu-moe all, or a smaller --context.";
    return "Check that llama.cpp knows this architecture and that the memory holds the model.";
  };
  return new KimiError(`the model ${file.path} can't be loaded: ${reason}`, {
    code: "model-load",
    hint: hint(),
    cause,
  });
}
