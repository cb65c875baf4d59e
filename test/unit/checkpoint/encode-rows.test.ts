import { createHash } from "node:crypto";
import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { encodeCodes } from "../../../src/checkpoint/convert/encode-codes.ts";
import { encodeRows } from "../../../src/checkpoint/convert/encode-rows.ts";
import { e4m3Values, f32FromF16 } from "../../../src/checkpoint/convert/float-formats.ts";
import { tensorBytes } from "../../../src/checkpoint/gguf-write.ts";
import { quantizerValues } from "../../support/quantizer-values.ts";

function encoded(type: string, values: Float32Array, rowLength = 256): Buffer {
  const out = new Uint8Array(tensorBytes(type, [values.length]));
  return Buffer.from(encodeRows(type, { values, rowLength }, { out }));
}

/** SHA-256 of what `ggml_quantize_chunk` of the bindings' libggml-base.so (v0.5.0) makes of these values. */
const ofGgml = {
  F16: "8d7e74a9fd585e172ea67526d45aa8ad670a483cdf00b40e2efbbf6b844347b6",
  BF16: "4413eb1f8663500746ee51b859082372ae866510f25a762864b44a3f79744c66",
  Q8_0: "d81f2f73acab31bc2fe78c218c9f609a2037834fe6ebf659d749b92c5b0d8c6b",
  Q4_0: "bab79cdeb79ee82ee0839e72c5b2535b0aa166020c9b359b05462aa3c8f8bc9e",
  Q6_K: "3b5fd9d9d9d1abadd2b1f4e84c5ace2abed9acc20dbc4c721eeea38db00383c3",
};

test.each(Object.entries(ofGgml))("%s has the bits that ggml gives it", (type, hash) => {
  const bytes = encoded(type, quantizerValues());
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(hash);
});

const block = fc
  .array(fc.float({ noNaN: true, min: -1_000, max: 1_000 }), { minLength: 32, maxLength: 32 })
  .map((values) => Float32Array.from(values));

test("Q8_0 is a scale of the largest magnitude, and levels rounded with halves away from zero", () => {
  fc.assert(
    fc.property(block, (values) => {
      const bytes = encoded("Q8_0", values);
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const scale = Math.fround(largest / 127);
      const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
      if (!Number.isFinite(inverse)) return;
      expect(Math.abs(f32FromF16(bytes.readUInt16LE(0)) - scale)).toBeLessThanOrEqual(
        Math.max(scale * 2 ** -11, 2 ** -25),
      );
      for (const [i, value] of values.entries()) {
        const exact = Math.fround(value * inverse);
        const level = Math.sign(exact) * Math.floor(Math.abs(exact) + 0.5);
        expect(bytes.readInt8(2 + i)).toBe(level === 0 ? 0 : level);
      }
    }),
  );
});

test("Q4_0 gives the extreme value of a block level 0 or 15, and no level is further than one from its value", () => {
  fc.assert(
    fc.property(block, (values) => {
      const bytes = encoded("Q4_0", values);
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      if (largest < 1e-30) return;
      const scale = Math.fround(
        (values.find((value) => Math.abs(value) === largest) as number) / -8,
      );
      for (const [i, value] of values.entries()) {
        const byte = bytes[2 + (i % 16)] as number;
        const level = i < 16 ? byte & 15 : byte >> 4;
        // The level 16, of the extreme's opposite, is cut to 15.
        const error = Math.abs((level - 8) * scale - value);
        expect(error).toBeLessThanOrEqual(Math.abs(scale) * (level === 15 ? 1.001 : 0.501));
      }
    }),
  );
});

const codes = fc.uint8Array({ minLength: 3 * 160, maxLength: 3 * 160 });
const scale = fc.float({ noNaN: true, min: Math.fround(1e-6), max: 1 });

test.each(["F32", "BF16", "F16", "Q8_0", "Q4_0"])(
  "%s made of e4m3 codes directly is that made by way of F32",
  (type) => {
    fc.assert(
      fc.property(codes, fc.array(scale, { minLength: 4, maxLength: 4 }), (raw, factors) => {
        const safe = raw.map((code) => ((code & 0x7f) === 0x7f ? code ^ 1 : code));
        const scales = Float32Array.from(factors);
        // Three rows of 160: the first the last of its blocks, of 128 and 32 columns.
        const values = Float32Array.from(safe, (code, i) => {
          const of = (i < 160 ? 0 : 2) + (i % 160 < 128 ? 0 : 1);
          return (e4m3Values[code] as number) * (scales[of] as number);
        });
        const out = new Uint8Array(tensorBytes(type, [values.length]));
        const shape = { columns: 160, skippedRows: 127, blockRows: 128, blockColumns: 128 };
        expect(encodeCodes(type, { codes: safe, scales, ...shape }, out)).toBe(true);
        expect(Buffer.from(out)).toEqual(encoded(type, values, 160));
      }),
      { numRuns: 300 },
    );
  },
);

test.each([
  ["a NaN code", 0x7f, 0.5],
  ["the other NaN code", 0xff, 0.5],
  ["a scale that is NaN", 1, NaN],
  ["an infinite scale", 1, Infinity],
  ["a negative scale", 1, -1],
  ["no scale", 1, 0],
])("%s is left to the way by F32, wherever it is", (_, code, factor) => {
  for (const at of [0, 1, 2, 3, 30, 31]) {
    const codes = new Uint8Array(32);
    codes[at] = code;
    const shape = { columns: 32, skippedRows: 0, blockRows: 128, blockColumns: 128 };
    const rows = { codes, scales: Float32Array.of(factor), ...shape };
    expect(encodeCodes("Q8_0", rows, new Uint8Array(34))).toBe(false);
  }
});
