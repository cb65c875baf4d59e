import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import {
  bf16FromF32,
  e4m3Values,
  f16FromF32,
  f32Bits,
  f32FromF16,
  f32OfBits,
} from "../../../src/checkpoint/convert/float-formats.ts";

test("every e4m3 code has the value of its sign, exponent and mantissa", () => {
  for (let code = 0; code < 256; code++) {
    const [sign, exponent, mantissa] = [code >> 7, (code >> 3) & 15, code & 7];
    const size =
      exponent === 0 ? (mantissa / 8) * 2 ** -6 : (1 + mantissa / 8) * 2 ** (exponent - 7);
    const value = exponent === 15 && mantissa === 7 ? NaN : (sign ? -1 : 1) * size;
    expect(e4m3Values[code], `code ${code}`).toBe(value);
  }
  expect([e4m3Values[0x7f], e4m3Values[0xff]]).toEqual([NaN, NaN]);
  expect([e4m3Values[0x7e], e4m3Values[0xfe], e4m3Values[1]]).toEqual([448, -448, 2 ** -9]);
});

test("F16 of every bit pattern goes to F32 and back", () => {
  for (let half = 0; half < 65_536; half++) {
    const value = f32FromF16(half);
    if (Number.isNaN(value)) expect(f16FromF32(f32Bits(value)) & 0x7e00).toBe(0x7e00);
    else expect(f16FromF32(f32Bits(value)), `bits ${half}`).toBe(half);
  }
});

const f32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((bits) => bits >>> 0);

test("F32 becomes the nearest F16, of two the even one", () => {
  fc.assert(
    fc.property(f32, (bits) => {
      const value = f32OfBits(bits);
      if (Number.isNaN(value)) return;
      const half = f16FromF32(bits);
      expect(half >> 15).toBe(bits >>> 31);
      const size = Math.abs(value);
      if (size >= 65_520) expect(half & 0x7fff).toBe(0x7c00);
      else
        expectNearest(half & 0x7fff, (bits) => (bits === 0x7c00 ? 65_536 : f32FromF16(bits)), size);
    }),
    { numRuns: 5_000 },
  );
});

test("F32 becomes the nearest BF16, of two the even one, and NaN stays NaN", () => {
  fc.assert(
    fc.property(f32, (bits) => {
      const value = f32OfBits(bits);
      const short = bf16FromF32(bits);
      expect(short >> 15).toBe(bits >>> 31);
      const valueOf = (bits: number): number =>
        bits === 0x7f80 ? 2 ** 128 : f32OfBits(bits << 16);
      if (Number.isNaN(value)) expect(f32OfBits(short << 16)).toBeNaN();
      else if (!Number.isFinite(value)) expect(short & 0x7fff).toBe(0x7f80);
      else expectNearest(short & 0x7fff, valueOf, Math.abs(value));
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  [0x3f808000, 0x3f80], // tie, down to even
  [0x3f818000, 0x3f82], // tie, up to even
  [0x7f7fffff, 0x7f80], // overflows
  [0x00008000, 0x0000],
  [0x00018000, 0x0002],
])("F32 %i rounds to BF16 %i", (bits, expected) => {
  expect(bf16FromF32(bits)).toBe(expected);
});

test.each([
  [2 ** -25, 0x0000], // half of the smallest: to even
  [3 * 2 ** -25, 0x0002],
  [2 ** -24, 0x0001],
  [65_519, 0x7bff],
  [65_520, 0x7c00],
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  [-(2 ** -14) + 2 ** -25, 0x8400], // rounds up to the smallest normal number
])("%f rounds to F16 %i", (value, expected) => {
  expect(f16FromF32(f32Bits(value))).toBe(expected);
});

/** No neighbour is nearer, and none as near is even if this one is odd. */
function expectNearest(bits: number, valueOf: (bits: number) => number, size: number): void {
  const error = Math.abs(valueOf(bits) - size);
  for (const neighbour of [bits - 1, bits + 1].filter((other) => other >= 0)) {
    const other = Math.abs(valueOf(neighbour) - size);
    if (Number.isNaN(other)) continue; // beyond infinity, which the largest numbers round to
    expect(error).toBeLessThanOrEqual(other);
    if (error === other) expect(bits & 1).toBe(0);
  }
}
