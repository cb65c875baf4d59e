import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { calculator } from "../../../tools/calculator.ts";

async function calculate(expression: string): Promise<string> {
  const context = { signal: new AbortController().signal, report: () => {} };
  const { output } = await calculator.prepare({ expression }).start(context);
  return output.replace(/^\{"expression": .*?, "result": /s, "").replace(/\}$/, "");
}

test.each([
  ["(2 + 3) * 4", "20"],
  ["2 + 3 * 4", "14"],
  ["10 - 4 - 3", "3"],
  ["2 ^ 3 ^ 2", "512"],
  ["-2 ^ 2", "-4"],
  ["2 ** -2", "0.25"],
  ["0.1 + 0.2", "0.3"],
  ["17 % 5", "2"],
  ["200 * 15%", "30"],
  ["50% + 1", "1.5"],
  ["5!", "120"],
  ["2^100", "1267650600228229401496703205376"],
  ["1,000,000 / 8", "125000"],
  ["12.50 × 4 − 1", "49"],
  ["1e3 + 1.5e-2", "1000.015"],
  ["sqrt(16) + abs(-3)", "7"],
  ["max(1, 2, min(9, 3))", "3"],
  ["round(2.5) + floor(-1.5)", "1"],
  [".5 + 5.", "5.5"],
  ["1/3", '0.333333333333333, "exact": "1/3"'],
  ["sqrt(2)", '1.4142135623731, "approximate": true'],
  ["2 * pi", '6.28318530717959, "approximate": true'],
])("%s = %s", async (expression, result) => {
  expect(await calculate(expression)).toBe(result);
});

test.each([
  ["1 / 0", "division by zero"],
  ["5 % 0", "division by zero"],
  ["0 ^ -1", "division by zero"],
  ["2 +", "ends too early"],
  ["(1", "a ) is missing"],
  ["2 3", "unexpected 3"],
  ["", "empty"],
  ["process.exit()", "unexpected process"],
  ["foo(1)", "unknown function foo"],
  ["9^9^9", "too large"],
  ["9999!", "factorial"],
  ["sqrt(-1)", "not a finite number"],
  ["constructor", "unexpected constructor"],
  ["1e-9999 + 1", "unexpected"],
  ["1 / 7^3000", "too small"],
  ["1+".repeat(1000), "longer than"],
])("%s is refused", (expression, message) => {
  expect(() => calculator.prepare({ expression })).toThrow(message);
});

test("sums and products of whole numbers are exact at any size", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.bigInt({ min: 0n }),
      fc.bigInt({ min: 0n }),
      fc.bigInt({ min: 0n }),
      async (a, b, c) => {
        expect(await calculate(`${a} + ${b} * ${c} - ${a}`)).toBe(String(b * c));
      },
    ),
  );
});
