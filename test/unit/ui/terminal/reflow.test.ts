import { expect, test } from "vitest";
import { breaksRows, rowsByReflow } from "../../../../src/ui/terminal/reflow.ts";

test("rows above the cursor that are too wide now take more rows", () => {
  const lines = ["x".repeat(80), "北京".repeat(10), "short", "❯ here", "y".repeat(200)];
  expect(rowsByReflow({ lines, cursor: { x: 2, y: 3 } }, 40)).toBe(1);
  expect(rowsByReflow({ lines, cursor: { x: 2, y: 3 } }, 20)).toBe(3 + 1);
  expect(rowsByReflow({ lines, cursor: undefined }, 100)).toBe(1);
  expect(rowsByReflow({ lines: [], cursor: undefined }, 10)).toBe(0);
});

test("terminals that cut rows are known", () => {
  expect(breaksRows({ TERM: "xterm-256color" })).toBe(true);
  expect(breaksRows({ TERM: "xterm", XTERM_VERSION: "XTerm(390)" })).toBe(false);
  expect(breaksRows({ TERM: "screen", STY: "1.pts" })).toBe(false);
  expect(breaksRows({ TERM: "linux" })).toBe(false);
});
