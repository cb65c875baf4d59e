import { closeSync, openSync, writeSync } from "node:fs";
import { ggmlLayout } from "../ggml-types.ts";
import { KimiError, messageOf } from "../../errors.ts";
import { canEncodeCodes, encodeCodes } from "./encode-codes.ts";
import { encodeRows, type Quantizer } from "./encode-rows.ts";
import { RowReader } from "./read-rows.ts";
import { badTensor, type WeightSource } from "./weight-source.ts";

/** A piece of a tensor that one thread converts at once. Plain data. */
export interface ConversionUnit {
  /** In the GGUF file. */
  readonly tensor: string;
  /** ggml's name. */
  readonly type: string;
  readonly source: WeightSource;
  readonly firstRow: number;
  readonly rowCount: number;
  readonly isTransposed: boolean;
  readonly path: string;
  /** From the start of the file. */
  readonly position: number;
}

/** Values in a unit, at most, unless a row has more: so many that a message costs nothing, so few that 64 threads need no gigabyte. */
export const unitValues = 1 << 20;

/** Reads, dequantises, quantises and writes units, with buffers that it keeps. */
export class UnitConverter {
  readonly #reader = new RowReader();
  readonly #quantizer: Quantizer | undefined;
  readonly #outputs = new Map<string, number>();
  #values = new Float32Array(0);
  #turned = new Float32Array(0);
  #bytes = new Uint8Array(0);

  constructor(quantizer: Quantizer | undefined) {
    this.#quantizer = quantizer;
  }

  /** @throws KimiError naming the tensor and the block, for values that are no numbers; or the file. */
  convert(unit: ConversionUnit): void {
    const { source, rowCount, type } = unit;
    const { blockSize, blockBytes } = ggmlLayout(type);
    const length = ((rowCount * source.columns) / blockSize) * blockBytes;
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length);
    const out = this.#bytes.subarray(0, length);
    this.#write(unit, this.#encodedCodes(unit, out) ? out : this.#encoded(unit, out));
  }

  close(): void {
    this.#reader.close();
    for (const file of this.#outputs.values()) closeSync(file);
    this.#outputs.clear();
  }

  #encodedCodes(
    { source, firstRow, rowCount, isTransposed, type }: ConversionUnit,
    out: Uint8Array,
  ): boolean {
    if (source.encoding !== "fp8" || isTransposed || !canEncodeCodes(type)) return false;
    if (source.blockColumns % 32 !== 0 || source.columns % 32 !== 0) return false;
    return encodeCodes(type, this.#reader.codes(source, firstRow, rowCount), out);
  }

  #encoded(
    { source, firstRow, rowCount, isTransposed, type }: ConversionUnit,
    out: Uint8Array,
  ): Uint8Array {
    const { columns } = source;
    const count = rowCount * columns;
    if (this.#values.length < count) this.#values = new Float32Array(count);
    const values = this.#values.subarray(0, count);
    this.#reader.read(source, firstRow, values);
    checkFinite(source, firstRow, values);
    if (type === "F16") checkHalf(source, firstRow, values);
    const rows = isTransposed
      ? { values: this.#transposed(values, columns), rowLength: rowCount }
      : { values, rowLength: columns };
    return encodeRows(type, rows, { out, quantizer: this.#quantizer });
  }

  #transposed(values: Float32Array, columns: number): Float32Array {
    if (this.#turned.length < values.length) this.#turned = new Float32Array(values.length);
    const turned = this.#turned.subarray(0, values.length);
    const rows = values.length / columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++)
        turned[column * rows + row] = values[row * columns + column] as number;
    }
    return turned;
  }

  #write({ path, position, tensor }: ConversionUnit, bytes: Uint8Array): void {
    try {
      const known = this.#outputs.get(path);
      const file = known ?? openSync(path, "r+");
      this.#outputs.set(path, file);
      for (let done = 0; done < bytes.length;)
        done += writeSync(file, bytes, done, bytes.length - done, position + done);
    } catch (cause) {
      throw unwritable(path, tensor, cause);
    }
  }
}

/** What a failed write means: mostly a full disk. */
export function unwritable(path: string, tensor: string, cause: unknown): KimiError {
  const { code } = cause as NodeJS.ErrnoException;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  const reason = isFull ? "the disk is full" : messageOf(cause);
  return new KimiError(`${path} can't be written at ${tensor}: ${reason}`, {
    code: isFull ? "disk-full" : "output",
    hint: "What is converted so far is kept: make room and run the same command again to go on.",
    cause,
  });
}

function checkFinite(source: WeightSource, firstRow: number, values: Float32Array): void {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    if (((bits[i] as number) & 0x7f800000) === 0x7f800000)
      throw badTensor(source.name, `it has ${values[i]} ${placeOf(source, firstRow, i)}`);
  }
}

/** The largest F16 is 65,504; from 65,520 on a number would become infinite. */
function checkHalf(source: WeightSource, firstRow: number, values: Float32Array): void {
  const at = values.findIndex((value) => Math.abs(value) >= 65_520);
  if (at < 0) return;
  throw new KimiError(
    `${source.name} has ${values[at]} ${placeOf(source, firstRow, at)}, too large for F16`,
    { code: "bad-checkpoint", hint: "Convert with --type bf16, which has the range of F32." },
  );
}

function placeOf(source: WeightSource, firstRow: number, index: number): string {
  const row = firstRow + Math.floor(index / source.columns);
  const column = index % source.columns;
  const block =
    source.encoding === "fp8"
      ? ` (block ${Math.floor(row / source.blockRows)}, ${Math.floor(column / source.blockColumns)})`
      : source.encoding === "int4"
        ? ` (group ${Math.floor(column / source.groupSize)})`
        : "";
  return `in row ${row}, column ${column}${block}`;
}
