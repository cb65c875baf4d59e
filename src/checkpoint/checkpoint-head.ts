/** What a model's files say of themselves before any weight is read. */
import type { GgufValue } from "./gguf-read.ts";

/** A tensor, without its weights. */
export interface TensorHead {
  readonly name: string;
  /** Slowest-varying first, as PyTorch has them. */
  readonly shape: readonly number[];
  /** ggml's name of the type for GGUF (`Q8_0`), the header's for safetensors (`F8_E4M3`). */
  readonly type: string;
  /** Of one; `undefined` where the type is not known here. */
  readonly sizeBytes: number | undefined;
  /** How many like this there are: more than one only where it stands for all the experts of a layer. */
  readonly count: number;
}

/** `config.json` and its like. */
export type JsonObject = Readonly<Record<string, unknown>>;

export interface WeightFile {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface TokenizerFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Lines of a `tiktoken.model`. */
  readonly ranks: number;
}

export interface CheckpointHead {
  readonly location: string;
  readonly format: "gguf" | "safetensors" | "config";
  readonly files: readonly WeightFile[];
  /** Weight files that the index or the count of shards promises and that are not there. */
  readonly missingFiles: readonly string[];
  /** Tensors that the index names and no file has. */
  readonly missingTensors: readonly string[];
  readonly tensors: readonly TensorHead[];
  /** Of a GGUF file. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** The other files of a Hugging Face folder. */
  readonly config: JsonObject | undefined;
  readonly generationConfig: JsonObject | undefined;
  readonly tokenizerConfig: JsonObject | undefined;
  readonly tokenizerFile: TokenizerFile | undefined;
  readonly template: string | undefined;
}
