import { f16FromF32, f32Bits, f32FromF16, f32OfBits } from "./float-formats.ts";

/**
 * ggml's reference quantizers (`ggml/src/ggml-quants.c`), bit for bit: every operation rounds to F32, which
 * `Math.fround` of the operation in F64 does. All values must be finite.
 */
export type BlockQuantizer = (values: Float32Array, out: Uint8Array) => void;

/** quantize_row_q8_0_ref: 32 values, an F16 scale, 32 signed bytes. */
export function quantizeQ8_0(values: Float32Array, out: Uint8Array): void {
  const signs = new Int32Array(values.buffer, values.byteOffset, values.length);
  let to = 0;
  for (let from = 0; from < values.length; from += 32) {
    const scale = Math.fround(largestOf(signs, from) / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    to = writeScale(out, to, scale);
    for (let i = from; i < from + 32; i++) {
      // Halves away from zero. Without a branch for the sign, which would be mispredicted half of the time.
      const level = (Math.abs(Math.fround((values[i] as number) * inverse)) + 0.5) | 0;
      const sign = (signs[i] as number) >> 31;
      out[to++] = (level ^ sign) - sign;
    }
  }
}

/** The largest magnitude of 32 values, from their bits, which are in the same order. */
function largestOf(signed: Int32Array, from: number): number {
  let largest = 0;
  for (let i = from; i < from + 32; i++) {
    const difference = largest - ((signed[i] as number) & 0x7fffffff);
    largest -= difference & (difference >> 31);
  }
  return f32OfBits(largest);
}

/** quantize_row_q4_0_ref: 32 values, an F16 scale, 16 bytes with value i below and i + 16 above. */
export function quantizeQ4_0(values: Float32Array, out: Uint8Array): void {
  let to = 0;
  for (let from = 0; from < values.length; from += 32) {
    const extreme = extremeOf(values, from, 32);
    const scale = Math.fround(extreme / -8);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    to = writeScale(out, to, scale);
    for (let i = from; i < from + 16; i++) {
      const low = nibble(values[i] as number, inverse);
      out[to++] = low | (nibble(values[i + 16] as number, inverse) << 4);
    }
  }
}

function nibble(value: number, inverse: number): number {
  const level = Math.fround(Math.fround(value * inverse) + 8.5) | 0;
  return level > 15 ? 15 : level;
}

/** The first of the values with the largest magnitude. */
function extremeOf(values: Float32Array, from: number, count: number): number {
  let largest = 0;
  let extreme = 0;
  for (let i = from; i < from + count; i++) {
    const value = values[i] as number;
    const size = Math.abs(value);
    if (size > largest) {
      largest = size;
      extreme = value;
    }
  }
  return extreme;
}

function writeScale(out: Uint8Array, at: number, scale: number): number {
  const half = f16FromF32(f32Bits(scale));
  out[at] = half & 0xff;
  out[at + 1] = half >>> 8;
  return at + 2;
}

const tiny = Math.fround(1e-15); // GROUP_MAX_EPS
const levels = new Uint8Array(256);
const scales = new Float32Array(16);

/** quantize_row_q6_K_ref: 256 values, 128 + 64 bytes of levels, 16 scales of one byte, an F16 scale of those. */
export function quantizeQ6_K(values: Float32Array, out: Uint8Array): void {
  let to = 0;
  for (let from = 0; from < values.length; from += 256, to += 210) {
    for (let group = 0; group < 16; group++)
      scales[group] = bestScale(values, from + 16 * group, 16 * group);
    const extreme = extremeOf(scales, 0, 16);
    if (Math.abs(extreme) < tiny) {
      out.fill(0, to, to + 210);
      continue;
    }
    const inverse = Math.fround(-128 / extreme);
    writeScale(out, to + 208, Math.fround(1 / inverse));
    const stored = f32FromF16((out[to + 208] as number) | ((out[to + 209] as number) << 8));
    for (let group = 0; group < 16; group++) {
      const level = Math.min(127, nearest(Math.fround(inverse * (scales[group] as number))));
      out[to + 192 + group] = level;
      const scale = Math.fround(stored * ((level << 24) >> 24));
      if (scale !== 0) setLevels(values, from + 16 * group, 16 * group, scale);
    }
    packLevels(out, to);
  }
}

function setLevels(values: Float32Array, from: number, at: number, scale: number): void {
  for (let i = 0; i < 16; i++)
    levels[at + i] = clamped(nearest(Math.fround((values[from + i] as number) / scale))) + 32;
}

function packLevels(out: Uint8Array, to: number): void {
  for (let half = 0; half < 2; half++) {
    const low = to + 64 * half;
    const high = to + 128 + 32 * half;
    for (let i = 0; i < 32; i++) {
      const at = 128 * half + i;
      const first = levels[at] as number;
      const second = levels[at + 32] as number;
      const third = levels[at + 64] as number;
      const fourth = levels[at + 96] as number;
      out[low + i] = (first & 15) | ((third & 15) << 4);
      out[low + 32 + i] = (second & 15) | ((fourth & 15) << 4);
      out[high + i] =
        (first >> 4) | ((second >> 4) << 2) | ((third >> 4) << 4) | ((fourth >> 4) << 6);
    }
  }
}

function clamped(level: number): number {
  return level < -32 ? -32 : level > 31 ? 31 : level;
}

/** nearest_int: to the nearest, ties to even, by adding 1.5 * 2^23 in F32. */
function nearest(value: number): number {
  return Math.fround(value + 12_582_912) - 12_582_912;
}

/** make_qx_quants with 16 values, 32 levels either way and weights x²: tries 19 scales, and sets the levels of the best. */
function bestScale(values: Float32Array, from: number, at: number): number {
  const extreme = extremeOf(values, from, 16);
  if (Math.abs(extreme) < tiny) {
    levels.fill(0, at, at + 16);
    return 0;
  }
  const first = Math.fround(-32 / extreme);
  fit(values, from, first);
  for (let i = 0; i < 16; i++) levels[at + i] = tried[i] as number;
  let scale = fitSquares === 0 ? 0 : Math.fround(fitProduct / fitSquares);
  let best = Math.fround(scale * fitProduct);
  for (let step = -9; step <= 9; step++) {
    if (step === 0) continue;
    const inverse = -Math.fround(32 + Math.fround(Math.fround(0.1) * step));
    fit(values, from, Math.fround(inverse / extreme));
    const isBetter =
      fitSquares > 0 && Math.fround(fitProduct * fitProduct) > Math.fround(best * fitSquares);
    if (!isBetter) continue;
    for (let i = 0; i < 16; i++) levels[at + i] = tried[i] as number;
    scale = Math.fround(fitProduct / fitSquares);
    best = Math.fround(scale * fitProduct);
  }
  return scale;
}

const tried = new Uint8Array(16);
let fitProduct = 0;
let fitSquares = 0;

/** Sets `tried`, and the weighted sums that say how well it fits. */
function fit(values: Float32Array, from: number, inverse: number): void {
  let product = 0;
  let squares = 0;
  for (let i = 0; i < 16; i++) {
    const value = values[from + i] as number;
    const level = clamped(nearest(Math.fround(inverse * value)));
    tried[i] = level + 32;
    const weight = Math.fround(value * value);
    product = Math.fround(product + Math.fround(Math.fround(weight * value) * level));
    squares = Math.fround(squares + Math.fround(Math.fround(weight * level) * level));
  }
  fitProduct = product;
  fitSquares = squares;
}
