import { expect, test } from "vitest";
import { parseSize, sizeText, wrapText } from "../../../src/plain-text.ts";
import { progressBar } from "../../../src/cli/progress-bar.ts";
import { parseGpuList } from "../../../src/cli/find-gpus.ts";

function draw(isTTY: boolean) {
  let text = "";
  let now = 0;
  const stream = {
    isTTY,
    columns: 100,
    write: (piece: string | Uint8Array) => (text += String(piece)) !== "",
  };
  const bar = progressBar(stream, () => now);
  const at = (ms: number, doneBytes: number): void => {
    now = ms;
    bar.update({ label: "model.gguf", doneBytes, totalBytes: 10 * 2 ** 20 });
  };
  return { at, end: () => bar.end(), shown: () => text };
}

test("on a terminal one line changes, not more than ten times a second", () => {
  const { at, end, shown } = draw(true);
  for (let ms = 0; ms <= 1_000; ms++) at(ms, ms * 5 * 1_024);
  end();
  end();
  const frames = shown().split("\r").slice(1);
  expect(frames.length).toBeLessThan(14);
  expect(frames.at(-1)).toMatch(
    /^ 48 % \[#{10}\.{10}\] 4.88 MiB of 10.0 MiB {2}4.88 MiB\/s {2}2 s left {2}model.gguf\u001B\[K\n$/,
  );
});

test("elsewhere there is a line for each tenth", () => {
  const { at, end, shown } = draw(false);
  for (let ms = 0; ms <= 1_000; ms++) at(ms, ms * 10 * 1_024);
  end();
  expect(shown().trim().split("\n")).toHaveLength(10);
  expect(shown()).not.toContain("\u001B");
});

test.each([
  ["24G", 24 * 2 ** 30],
  ["512 GiB", 512 * 2 ** 30],
  ["1.5T", 1.5 * 2 ** 40],
  ["24564MB", 24_564 * 2 ** 20],
  ["24", undefined],
  ["-1G", undefined],
])("the size %s is read", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test("sizes have three digits that matter", () => {
  expect([0, 999, 1_023, 70_272, 8.58 * 2 ** 30, 958.5 * 2 ** 30].map(sizeText)).toEqual([
    "0 B",
    "999 B",
    "1.00 KiB",
    "68.6 KiB",
    "8.58 GiB",
    "959 GiB",
  ]);
});

test("text is broken between words, and no word is lost", () => {
  const text = "word ".repeat(50).trim();
  const wrapped = wrapText(text, 4);
  expect(wrapped.replaceAll(/\s+/g, " ")).toBe(text);
  expect(Math.max(...wrapped.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});

test("nvidia-smi's list is read", () => {
  expect(parseGpuList("NVIDIA H100 80GB HBM3, 81559\nTesla, T4, 15360\n\n")).toEqual([
    { name: "NVIDIA H100 80GB HBM3", memoryBytes: 81_559 * 2 ** 20 },
    { name: "Tesla, T4", memoryBytes: 15_360 * 2 ** 20 },
  ]);
});
