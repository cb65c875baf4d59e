import { expect, test } from "vitest";
import { foldLines } from "../../../src/ui/fold.ts";
import { formatCount, formatDuration } from "../../../src/ui/format.ts";

test.each([
  [0, "0.0 s"],
  [340, "0.3 s"],
  [9_949, "9.9 s"],
  [9_999, "10 s"],
  [59_400, "59 s"],
  [59_999, "1 min 0 s"],
  [125_000, "2 min 5 s"],
])("%i ms are %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [0, "0"],
  [950, "950"],
  [999.7, "1.0k"],
  [1_234, "1.2k"],
  [9_949, "9.9k"],
  [9_950, "10k"],
  [34_400, "34k"],
  [999_499, "999k"],
  [999_500, "1.0M"],
  [1_300_000, "1.3M"],
])("%d is %s", (count, text) => {
  expect(formatCount(count)).toBe(text);
});

test.each([
  [3, 5, "a b c"],
  [6, 5, "a b c d e f"],
  [7, 5, "a b c |2 more| f g"],
  [7, 1, "a |6 more|"],
])("of %i lines a limit of %i leaves: %s", (count, limit, text) => {
  const lines = Array.from("abcdefg").slice(0, count);
  const style = (line: string): string => line.replace(/^ {2}… (\d+) more lines!$/, "|$1 more|");
  expect(foldLines(lines, { limit, style, hint: "!" }).join(" ")).toBe(text);
});
