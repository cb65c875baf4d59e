import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readGguf } from "../../../src/checkpoint/gguf-read.ts";
import { KimiError } from "../../../src/errors.ts";
import { nanoModel } from "../../support/golden.ts";

const folder = mkdtempSync(join(tmpdir(), "kimi-gguf-"));
const whole = readFileSync(nanoModel);

test("metadata and tensors of a real file are read", () => {
  const { metadata, tensors, sizeBytes } = readGguf(nanoModel);
  expect(sizeBytes).toBe(whole.length);
  expect(metadata.get("general.architecture")).toBe("deepseek2");
  expect(metadata.get("deepseek2.block_count")).toBe(5);
  expect(metadata.get("general.sampling.temp")).toBe(0);
  expect((metadata.get("tokenizer.ggml.tokens") as string[]).length).toBe(4096);
  expect(tensors.find(({ name }) => name === "blk.0.attn_k_b.weight")).toMatchObject({
    type: "BF16",
    dimensions: [64, 128, 4],
    size: 2 * 64 * 128 * 4,
  });
});

test("a file cut off anywhere is an error that names it, never a crash", () => {
  const headEnd =
    whole.length - readGguf(nanoModel).tensors.reduce((sum, { size }) => sum + (size ?? 0), 0);
  const cuts = [
    0,
    1,
    3,
    4,
    8,
    23,
    24,
    100,
    5_000,
    headEnd >> 1,
    headEnd - 100,
    headEnd + 100,
    whole.length - 1,
  ];
  for (const cut of cuts) {
    const path = join(folder, `cut-${cut}.gguf`);
    writeFileSync(path, whole.subarray(0, cut));
    expect(() => readGguf(path), `cut at ${cut}`).toThrow(KimiError);
    expect(() => readGguf(path)).toThrow(path);
  }
});

test.each([
  ["text", Buffer.from("This is not a model, but it is long enough."), /is not a GGUF file/],
  [
    "another version",
    Buffer.concat([Buffer.from("GGUF"), Buffer.from([9, 0, 0, 0]), Buffer.alloc(100)]),
    /version 9/,
  ],
  [
    "absurd counts",
    Buffer.concat([
      Buffer.from("GGUF"),
      Buffer.from([3, 0, 0, 0]),
      Buffer.alloc(16, 0xff),
      Buffer.alloc(99, 0xff),
    ]),
    /cut off/,
  ],
])("%s is refused", (name, bytes, message) => {
  const path = join(folder, `${name}.gguf`);
  writeFileSync(path, bytes);
  expect(() => readGguf(path)).toThrow(message);
});

test("a missing file and a folder are refused by name", () => {
  expect(() => readGguf(join(folder, "missing.gguf"))).toThrow(/missing.gguf does not exist/);
  expect(() => readGguf(folder)).toThrow(/is a folder/);
});
