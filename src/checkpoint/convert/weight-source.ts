import { closeSync, openSync, readSync } from "node:fs";
import { KimiError } from "../../errors.ts";
import type { CheckpointTensor, SafetensorsType } from "../safetensors.ts";
import type { WeightFormat } from "./model-config.ts";

/** Bytes in a checkpoint's file. */
export interface Extent {
  readonly path: string;
  readonly position: number;
  readonly type: SafetensorsType;
}

/** A matrix (or a vector, as one row) of a checkpoint, stored in one of three ways. Plain data: it goes to worker threads. */
export type WeightSource = {
  /** In the checkpoint. */
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly data: Extent;
  /** Of everything that is read for it. */
  readonly sizeBytes: number;
} & (
  | { readonly encoding: "plain" }
  | {
      readonly encoding: "fp8";
      readonly scale: Extent;
      readonly blockRows: number;
      readonly blockColumns: number;
    }
  | { readonly encoding: "int4"; readonly scale: Extent; readonly groupSize: number }
);

const plainTypes: readonly SafetensorsType[] = ["F32", "F16", "BF16"];

/** Finds weights in a checkpoint, checks their shapes, and remembers which were asked for. */
export class WeightFinder {
  readonly #tensors: ReadonlyMap<string, CheckpointTensor>;
  readonly #format: WeightFormat;
  readonly #prefix: string;
  readonly #used = new Set<string>();

  constructor(tensors: ReadonlyMap<string, CheckpointTensor>, format: WeightFormat) {
    this.#tensors = tensors;
    this.#format = format;
    this.#prefix = tensors.has("model.embed_tokens.weight") ? "" : "language_model.";
  }

  has(name: string): boolean {
    return this.#tensors.has(this.#prefix + name);
  }

  vector(name: string, length: number): WeightSource {
    const tensor = this.#take(name, [length]);
    return this.#plain(tensor, 1, length);
  }

  /** @throws KimiError naming the tensor, for one that is missing, of another shape or type. */
  matrix(name: string, rows: number, columns: number): WeightSource {
    if (!this.has(name) && this.has(`${name}_packed`)) return this.#packed(name, rows, columns);
    const tensor = this.#take(name, [rows, columns]);
    return tensor.type === "F8_E4M3"
      ? this.#blocks(tensor, rows, columns)
      : this.#plain(tensor, rows, columns);
  }

  /** Names that nobody asked for. */
  unused(): string[] {
    return [...this.#tensors.keys()].filter((name) => !this.#used.has(name));
  }

  #plain(tensor: CheckpointTensor, rows: number, columns: number): WeightSource {
    const { name, sizeBytes, type } = tensor;
    if (!plainTypes.includes(type))
      throw badTensor(name, `it is ${type}, but should be ${plainTypes.join(", ")}`);
    return { encoding: "plain", name, rows, columns, data: extentOf(tensor), sizeBytes };
  }

  #blocks(tensor: CheckpointTensor, rows: number, columns: number): WeightSource {
    const { name } = tensor;
    const format = this.#format;
    if (format.type !== "fp8")
      throw badTensor(name, "it is F8_E4M3, but config.json has no block-FP8 quantization_config");
    const { blockRows, blockColumns } = format;
    const scale = this.#take(`${name.slice(this.#prefix.length)}_scale_inv`, [
      Math.ceil(rows / blockRows),
      Math.ceil(columns / blockColumns),
    ]);
    if (!plainTypes.includes(scale.type)) throw badTensor(scale.name, `it is ${scale.type}`);
    return {
      encoding: "fp8",
      name,
      rows,
      columns,
      data: extentOf(tensor),
      scale: extentOf(scale),
      blockRows,
      blockColumns,
      sizeBytes: tensor.sizeBytes + scale.sizeBytes,
    };
  }

  #packed(name: string, rows: number, columns: number): WeightSource {
    const format = this.#format;
    if (format.type !== "int4")
      throw badTensor(
        name,
        "it is packed, but config.json has no pack-quantized quantization_config",
      );
    const { groupSize } = format;
    if (columns % groupSize !== 0)
      throw badTensor(name, `its ${columns} columns are no whole groups of ${groupSize}`);
    const packed = this.#take(`${name}_packed`, [rows, Math.ceil(columns / 8)]);
    const scale = this.#take(`${name}_scale`, [rows, columns / groupSize]);
    const shape = this.#take(`${name}_shape`, [2]);
    if (packed.type !== "I32") throw badTensor(packed.name, `it is ${packed.type}, not I32`);
    if (!plainTypes.includes(scale.type)) throw badTensor(scale.name, `it is ${scale.type}`);
    const [height, width] = readShape(shape);
    if (height !== rows || width !== columns)
      throw badTensor(shape.name, `it says [${height}, ${width}], not [${rows}, ${columns}]`);
    return {
      encoding: "int4",
      name: this.#prefix + name,
      rows,
      columns,
      data: extentOf(packed),
      scale: extentOf(scale),
      groupSize,
      sizeBytes: packed.sizeBytes + scale.sizeBytes,
    };
  }

  #take(name: string, shape: readonly number[]): CheckpointTensor {
    const tensor = this.#tensors.get(this.#prefix + name);
    if (!tensor) throw badTensor(name, "it is missing");
    if (tensor.shape.join() !== shape.join()) {
      const text = `it is [${tensor.shape.join(", ")}], but config.json asks for [${shape.join(", ")}]`;
      throw badTensor(tensor.name, text);
    }
    this.#used.add(tensor.name);
    return tensor;
  }
}

function extentOf({ path, position, type }: CheckpointTensor): Extent {
  return { path, position, type };
}

/** The value of a `weight_shape`. */
function readShape({ name, path, position, type, sizeBytes }: CheckpointTensor): [number, number] {
  const bytes = Buffer.alloc(sizeBytes);
  const file = openSync(path, "r");
  try {
    readSync(file, bytes, 0, sizeBytes, position);
  } finally {
    closeSync(file);
  }
  if (type === "I32") return [bytes.readInt32LE(0), bytes.readInt32LE(4)];
  if (type === "I64") return [Number(bytes.readBigInt64LE(0)), Number(bytes.readBigInt64LE(8))];
  throw badTensor(name, `it is ${type}, not I32 or I64`);
}

export function badTensor(name: string, what: string): KimiError {
  return new KimiError(`the checkpoint's tensor ${name} can't be converted: ${what}`, {
    code: "bad-checkpoint",
    hint: "config.json and the .safetensors files must be of one and the same model.",
  });
}
