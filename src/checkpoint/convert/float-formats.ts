/** Floating-point formats of weights. All conversions from F32 round to nearest, ties to even, as ggml's do (ggml-impl.h). */

const bits = new Uint32Array(1);
const value = new Float32Array(bits.buffer);

/** Values of e4m3fn by code: no infinities, 0x7f and 0xff are NaN, the largest is 448 (OCP 8-bit floating point, §5.3). */
export const e4m3Values: Float32Array = Float32Array.from({ length: 256 }, (_, code) => {
  const sign = code & 0x80 ? -1 : 1;
  const exponent = (code >> 3) & 15;
  const mantissa = code & 7;
  if ((code & 0x7f) === 0x7f) return NaN;
  return exponent === 0
    ? sign * mantissa * 2 ** -9
    : sign * (1 + mantissa / 8) * 2 ** (exponent - 7);
});

/** From the bits of an F32 to those of a BF16. */
export function bf16FromF32(f32: number): number {
  if ((f32 & 0x7fffffff) > 0x7f800000) return (f32 >>> 16) | 64;
  return (f32 + (0x7fff + ((f32 >>> 16) & 1))) >>> 16;
}

/** From the bits of an F32 to those of an F16; what is too large becomes infinite. */
export function f16FromF32(f32: number): number {
  const sign = (f32 >>> 16) & 0x8000;
  const size = f32 & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  if (size >= 0x47800000) return sign | 0x7c00;
  if (size < 0x38800000) {
    // Subnormal: adding 0.5 leaves a mantissa whose last place is 2^-24, F16's smallest.
    bits[0] = size;
    value[0] = (value[0] ?? 0) + 0.5;
    return sign | ((bits[0] ?? 0) - 0x3f000000);
  }
  return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
}

/** The value of F16's bits. */
export function f32FromF16(f16: number): number {
  const sign = f16 & 0x8000 ? -1 : 1;
  const exponent = (f16 >> 10) & 31;
  const mantissa = f16 & 0x3ff;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * mantissa * 2 ** -24
    : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** The bits of a number as F32. */
export function f32Bits(number: number): number {
  value[0] = number;
  return bits[0] ?? 0;
}

/** The F32 that has these bits. */
export function f32OfBits(f32: number): number {
  bits[0] = f32;
  return value[0] ?? 0;
}
