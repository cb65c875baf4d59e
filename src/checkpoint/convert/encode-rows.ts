import { ggmlLayout } from "../ggml-types.ts";
import {
  quantizeQ4_0,
  quantizeQ6_K,
  quantizeQ8_0,
  type BlockQuantizer,
} from "./block-quantizers.ts";
import { f16FromF32 } from "./float-formats.ts";

/** What quantises to ggml's other types: the native library. */
export interface Quantizer {
  /**
   * @param type ggml's name, `Q4_K` for one
   * @param values finite, whole rows
   * @param importance a weight for each value of a row
   * @returns whole blocks
   */
  quantize(
    type: string,
    values: Float32Array,
    rowLength: number,
    importance?: Float32Array,
  ): Uint8Array;
}

const ownQuantizers: Readonly<Record<string, BlockQuantizer>> = {
  F32: (values, out) => out.set(bytesOf(values)),
  F16: (values, out) => {
    const from = bitsOf(values);
    const to = new Uint16Array(out.buffer, out.byteOffset, values.length);
    for (let i = 0; i < from.length; i++) to[i] = f16FromF32(from[i] as number);
  },
  BF16: (values, out) => {
    const from = bitsOf(values);
    const to = new Uint16Array(out.buffer, out.byteOffset, values.length);
    for (let i = 0; i < from.length; i++) {
      const bits = from[i] as number;
      to[i] = (bits + (0x7fff + ((bits >>> 16) & 1))) >>> 16; // bf16FromF32 without NaN
    }
  },
  Q8_0: quantizeQ8_0,
  Q4_0: quantizeQ4_0,
  Q6_K: quantizeQ6_K,
};

/** Ours gives the same bytes, but its search for scales takes many times as long. */
const quickerNatively: ReadonlySet<string> = new Set(["Q6_K"]);

/** Whether a type needs no native library. */
export function isOwnType(type: string): boolean {
  return Object.hasOwn(ownQuantizers, type);
}

export interface Rows {
  /** Finite, whole rows. */
  readonly values: Float32Array;
  readonly rowLength: number;
}

/** Rows as bytes of a ggml type, in `out` or, from a quantizer, in a buffer of its own. */
export function encodeRows(
  type: string,
  { values, rowLength }: Rows,
  { out, quantizer }: { readonly out: Uint8Array; readonly quantizer?: Quantizer | undefined },
): Uint8Array {
  const { blockSize, blockBytes } = ggmlLayout(type);
  const length = (values.length / blockSize) * blockBytes;
  const own = ownQuantizers[type];
  if (own && !(quantizer && quickerNatively.has(type))) {
    const target = out.subarray(0, length);
    own(values, target);
    return target;
  }
  if (!quantizer) throw new TypeError(`no quantizer for ${type}`);
  const bytes = quantizer.quantize(type, values, rowLength);
  if (bytes.length !== length)
    throw new TypeError(`the quantizer made ${bytes.length} bytes of ${type}, not ${length}`);
  return bytes;
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}
