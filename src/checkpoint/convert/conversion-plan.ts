import { createHash } from "node:crypto";
import { basename, resolve } from "node:path";
import { KimiError, usageError } from "../../errors.ts";
import {
  layOutGguf,
  paddedTensorBytes,
  tensorBytes,
  type GgufEntries,
  type GgufLayout,
  type GgufTensorPlan,
} from "../gguf-write.ts";
import { readCheckpointTensors, type CheckpointFile } from "../safetensors.ts";
import { isOwnType } from "./encode-rows.ts";
import { readModelConfig } from "./model-config.ts";
import { modelEntries } from "./model-entries.ts";
import { modelTensors, type ModelTensor } from "./model-tensors.ts";
import { tensorType, type OutputType } from "./tensor-types.ts";
import { tokenizerEntries } from "./tokenizer-entries.ts";

export interface PlanOptions {
  /** A Hugging Face checkpoint's folder. */
  readonly source: string;
  /** The `.gguf` file to make; of a split model, what its shards' names begin with. */
  readonly output: string;
  readonly type: OutputType;
  /** Tensor data in one file at most, in bytes; a larger tensor has a file to itself. */
  readonly splitMaxSizeBytes?: number | undefined;
  /** `general.name`; otherwise the folder's. */
  readonly name?: string | undefined;
}

export interface PlannedTensor extends GgufTensorPlan {
  readonly slabs: ModelTensor["slabs"];
  /** Bytes that are read for it. */
  readonly sourceBytes: number;
  readonly path: string;
  /** From the start of that file. */
  readonly position: number;
}

export interface PlannedFile extends GgufLayout {
  readonly path: string;
  readonly tensors: readonly PlannedTensor[];
}

/** All that will be in the files, before a byte of them is written. */
export interface ConversionPlan {
  readonly type: OutputType;
  readonly files: readonly PlannedFile[];
  readonly tensors: readonly PlannedTensor[];
  readonly sourceBytes: number;
  readonly sizeBytes: number;
  /** Changes whenever the result or what it is made of would. */
  readonly key: string;
}

/** @throws KimiError for a checkpoint that can't be converted, naming the file or tensor. */
export function planConversion(options: PlanOptions): ConversionPlan {
  const { source, output, type, name } = options;
  if (!output.endsWith(".gguf"))
    throw usageError(`${output} is no name for a model`, "The output's name ends in .gguf.");
  const config = readModelConfig(source);
  const { tensors: stored, files: sources } = readCheckpointTensors(source);
  const tensors = modelTensors(config, stored);
  const entries: GgufEntries = [
    ...modelEntries({
      folder: source,
      name: name ?? basename(resolve(source)),
      config,
      output: type,
      tensors,
    }),
    ...tokenizerEntries(source, config),
  ];
  const typed = tensors.map((tensor) => typedTensor(tensor, tensorType(tensor, type, config)));
  const files = planFiles(options, entries, typed);
  const planned = files.flatMap((file) => file.tensors);
  return {
    type,
    files,
    tensors: planned,
    sourceBytes: planned.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0),
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    key: keyOf(files, sources),
  };
}

/** @throws KimiError if a type of the plan needs the native library and there is no quantizer from it. */
export function requireQuantizer({ tensors }: ConversionPlan, hasQuantizer: boolean): void {
  const foreign = tensors.find(({ type }) => !isOwnType(type));
  if (!foreign || hasQuantizer) return;
  throw new KimiError(`${foreign.name} would be ${foreign.type}, which needs the native addon`, {
    code: "no-quantizer",
    hint: "Types without it: f32, bf16, f16, q8_0, q6_k, q4_0.",
  });
}

type TypedTensor = GgufTensorPlan & Pick<PlannedTensor, "slabs" | "sourceBytes">;

function typedTensor({ name, dimensions, slabs }: ModelTensor, type: string): TypedTensor {
  const sizeBytes = tensorBytes(type, dimensions);
  const sourceBytes = slabs.reduce(
    (sum, { source, rowCount }) => sum + (source.sizeBytes * rowCount) / source.rows,
    0,
  );
  return { name, dimensions, type, sizeBytes, slabs, sourceBytes: Math.round(sourceBytes) };
}

function planFiles(
  { output, splitMaxSizeBytes }: PlanOptions,
  entries: GgufEntries,
  tensors: readonly TypedTensor[],
): PlannedFile[] {
  const shards = divide(tensors, splitMaxSizeBytes ?? Infinity);
  return shards.map((shard, index) => {
    const path = shards.length === 1 ? output : shardPath(output, index, shards.length);
    const keys = index === 0 ? entries : [];
    const split: GgufEntries =
      shards.length === 1
        ? []
        : [
            ["split.no", { type: "u16", value: index }],
            ["split.count", { type: "u16", value: shards.length }],
            ["split.tensors.count", { type: "i32", value: tensors.length }],
          ];
    const layout = layOutGguf([...keys, ...split], shard);
    return {
      ...layout,
      path,
      tensors: shard.map((tensor, i) => ({ ...tensor, path, position: layout.positions[i] ?? 0 })),
    };
  });
}

/** As gguf-split does: a new file where the next tensor would make this one too large. */
function divide(tensors: readonly TypedTensor[], atMost: number): TypedTensor[][] {
  const shards: TypedTensor[][] = [[]];
  let size = 0;
  for (const tensor of tensors) {
    const own = paddedTensorBytes(tensor);
    if (size > 0 && size + own > atMost) {
      shards.push([]);
      size = 0;
    }
    shards.at(-1)?.push(tensor);
    size += own;
  }
  return shards;
}

function shardPath(output: string, index: number, count: number): string {
  const number = (value: number): string => String(value).padStart(5, "0");
  return `${output.slice(0, -".gguf".length)}-${number(index + 1)}-of-${number(count)}.gguf`;
}

function keyOf(files: readonly PlannedFile[], sources: readonly CheckpointFile[]): string {
  const hash = createHash("sha256");
  for (const { path, head } of files) hash.update(basename(path)).update(head);
  for (const { path, sizeBytes, modifiedMs } of sources)
    hash.update(`${resolve(path)} ${sizeBytes} ${modifiedMs}\n`);
  return hash.digest("hex");
}
