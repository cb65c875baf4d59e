import { closeSync, openSync, readSync } from "node:fs";
import { KimiError } from "../../errors.ts";
import type { CodeRows } from "./encode-codes.ts";
import { e4m3Values, f32FromF16 } from "./float-formats.ts";
import type { Extent, WeightSource } from "./weight-source.ts";

const valueBytes: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Reads rows of weights as F32, a range of bytes at a time. Keeps files open until it is closed. */
export class RowReader {
  readonly #files = new Map<string, number>();
  #data = new Uint8Array(0);
  #scales = new Float32Array(0);

  /**
   * Fills `values` with rows of a source.
   * @throws KimiError for a file that can't be read.
   */
  read(source: WeightSource, firstRow: number, values: Float32Array): void {
    switch (source.encoding) {
      case "plain":
        return this.#plain(source.data, firstRow * source.columns, values);
      case "fp8":
        return this.#blocks(source, firstRow, values);
      case "int4":
        return this.#groups(source, firstRow, values);
      default:
        source satisfies never;
    }
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  /** F32, F16 or BF16 values from an index on. */
  #plain({ path, position, type }: Extent, first: number, values: Float32Array): void {
    const size = valueBytes[type] ?? 4;
    const data = this.#bytes(path, position + first * size, values.length * size);
    if (type === "F32") values.set(new Float32Array(data.buffer, 0, values.length));
    else widen(new Uint16Array(data.buffer, 0, values.length), type, values);
  }

  /** The codes of rows, and the scales of the blocks that they are in. Valid until the next call. */
  codes(source: WeightSource & { encoding: "fp8" }, firstRow: number, rowCount: number): CodeRows {
    const { columns, blockRows, blockColumns, scale, data } = source;
    const scalesPerRow = Math.ceil(columns / blockColumns);
    const firstScaleRow = Math.floor(firstRow / blockRows);
    const lastScaleRow = Math.floor((firstRow + rowCount - 1) / blockRows);
    const scales = this.#scaleValues((lastScaleRow - firstScaleRow + 1) * scalesPerRow);
    this.#plain(scale, firstScaleRow * scalesPerRow, scales);
    const codes = this.#bytes(data.path, data.position + firstRow * columns, rowCount * columns);
    const skippedRows = firstRow % blockRows;
    return { codes, columns, skippedRows, blockRows, blockColumns, scales };
  }

  #blocks(
    source: WeightSource & { encoding: "fp8" },
    firstRow: number,
    values: Float32Array,
  ): void {
    const rowCount = values.length / source.columns;
    const { codes, columns, skippedRows, blockRows, blockColumns, scales } = this.codes(
      source,
      firstRow,
      rowCount,
    );
    const scalesPerRow = Math.ceil(columns / blockColumns);
    let at = 0;
    for (let row = 0; row < rowCount; row++) {
      let block = Math.floor((skippedRows + row) / blockRows) * scalesPerRow;
      for (let column = 0; column < columns; column += blockColumns, block++) {
        const factor = scales[block] as number;
        const end = at + Math.min(blockColumns, columns - column);
        for (; at < end; at++) values[at] = (e4m3Values[codes[at] as number] as number) * factor;
      }
    }
  }

  /** Eight values in each int32, the first in the lowest bits, 8 for zero: in bytes two, the first below. */
  #groups(
    source: WeightSource & { encoding: "int4" },
    firstRow: number,
    values: Float32Array,
  ): void {
    const { columns, groupSize, scale, data } = source;
    const rowCount = values.length / columns;
    const groups = columns / groupSize;
    const scales = this.#scaleValues(rowCount * groups);
    this.#plain(scale, firstRow * groups, scales);
    const rowBytes = 4 * Math.ceil(columns / 8);
    const packed = this.#bytes(data.path, data.position + firstRow * rowBytes, rowCount * rowBytes);
    for (let row = 0; row < rowCount; row++) {
      for (let group = 0; group < groups; group++) {
        const factor = scales[row * groups + group] as number;
        const end = (group + 1) * groupSize;
        for (let column = group * groupSize; column < end; column++) {
          const byte = packed[row * rowBytes + (column >> 1)] as number;
          values[row * columns + column] = (((byte >> ((column & 1) << 2)) & 15) - 8) * factor;
        }
      }
    }
  }

  #scaleValues(length: number): Float32Array {
    if (this.#scales.length < length) this.#scales = new Float32Array(length);
    return this.#scales.subarray(0, length);
  }

  #bytes(path: string, position: number, length: number): Uint8Array<ArrayBuffer> {
    if (this.#data.length < length) this.#data = new Uint8Array(length + (-length & 7));
    const data = this.#data;
    const file = this.#open(path);
    for (let done = 0; done < length;) {
      const read = readSync(file, data, done, length - done, position + done);
      if (read === 0) throw unreadable(path, "it has become shorter");
      done += read;
    }
    return data.subarray(0, length);
  }

  #open(path: string): number {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    try {
      const file = openSync(path, "r");
      this.#files.set(path, file);
      return file;
    } catch (cause) {
      throw unreadable(path, (cause as NodeJS.ErrnoException).code ?? String(cause));
    }
  }
}

const halves = new Float32Array(65_536);
let hasHalves = false;

function widen(from: Uint16Array, type: string, values: Float32Array): void {
  if (type === "BF16") {
    const to = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < to.length; i++) to[i] = (from[i] as number) << 16;
    return;
  }
  if (!hasHalves) for (let i = 0; i < 65_536; i++) halves[i] = f32FromF16(i);
  hasHalves = true;
  for (let i = 0; i < values.length; i++) values[i] = halves[from[i] as number] as number;
}

function unreadable(path: string, what: string): KimiError {
  return new KimiError(`${path} can't be read: ${what}`, {
    code: "bad-checkpoint",
    hint: "The checkpoint must stay as it is while it is converted; run the same command again to go on.",
  });
}
