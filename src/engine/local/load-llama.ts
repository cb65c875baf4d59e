import type { LlamaContextSequence, LlamaModel } from "node-llama-cpp";
import { KimiError, messageOf } from "../../errors.ts";
import type { ModelFile } from "./model-file.ts";
import { numberIn } from "./model-file.ts";

export interface LoadOptions {
  readonly file: ModelFile;
  readonly threads: number;
  /** Tokens; the model's own, up to 32,768 and what the memory holds, if left out. */
  readonly contextSize: number | undefined;
  readonly onProgress?: (fraction: number) => void;
  readonly signal?: AbortSignal;
}

export interface LoadedLlama {
  readonly model: LlamaModel;
  readonly sequence: LlamaContextSequence;
  /** Most tokens in one native call. */
  readonly batchSize: number;
  dispose(): Promise<void>;
}

/** A model this small is faster on the CPU than the way to a GPU is long. */
const gpuWorthwhileBytes = 64 << 20;
const mostDefaultContext = 32_768;
const batchSize = 512;

/** Loads a model through the bindings and makes one sequence of it. */
export async function loadLlama({
  file,
  threads,
  contextSize,
  onProgress,
  signal,
}: LoadOptions): Promise<LoadedLlama> {
  const { getLlama } = await import("node-llama-cpp");
  let complaint = ""; // the first, which names the cause; those after it only say that it failed
  const llama = await getLlama({
    gpu: file.sizeBytes < gpuWorthwhileBytes ? false : "auto",
    build: "never", // only the prebuilt libraries, never a compiler
    skipDownload: true,
    progressLogs: false,
    maxThreads: threads,
    logger: (level, message) => {
      if (["error", "fatal"].includes(level)) complaint ||= message.trim();
    },
  });
  try {
    const model = await llama.loadModel({
      modelPath: file.path,
      ...(onProgress ? { onLoadProgress: onProgress } : {}),
      ...(signal ? { loadSignal: signal } : {}),
    });
    const trained = model.trainContextSize ?? mostDefaultContext;
    const context = await model.createContext({
      contextSize: contextSize ?? { max: Math.min(trained, mostDefaultContext) },
      sequences: 1,
      batchSize,
      threads,
      flashAttention: "auto",
      ...(signal ? { createSignal: signal } : {}),
    });
    return { model, sequence: context.getSequence(), batchSize, dispose: () => llama.dispose() };
  } catch (cause) {
    await llama.dispose();
    signal?.throwIfAborted();
    const reason = complaint || messageOf(cause);
    const trained = numberIn(
      file,
      `${String(file.head.metadata.get("general.architecture"))}.context_length`,
    );
    throw new KimiError(`the model ${file.path} can't be loaded: ${reason}`, {
      code: "model-load",
      hint:
        contextSize !== undefined && contextSize > (trained ?? 0)
          ? `Try a smaller --context; the model was trained for ${trained}.`
          : "Check that llama.cpp knows this architecture and that the memory holds the model.",
      cause,
    });
  }
}
