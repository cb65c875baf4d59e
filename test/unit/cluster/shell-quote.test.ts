import { execFileSync } from "node:child_process";
import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { shellQuote } from "../../../src/cluster/shell-quote.ts";

function wordsOf(shell: string, words: readonly string[]): string[] {
  const command = `printf '%s\\0' ${words.map(shellQuote).join(" ")}`;
  return execFileSync(shell, ["-c", command], { encoding: "utf8" }).split("\0").slice(0, -1);
}

const word = fc
  .oneof(
    fc.string(),
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: fc.constantFrom(..."'\"\\$`!*?[]{}()<>|&;#~=%- \t\n") }),
  )
  .filter((text) => !text.includes("\0") && text.isWellFormed());

test("bash reads every word as it was, whatever stands in it", () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
      expect(wordsOf("bash", words)).toEqual(words);
    }),
    { numRuns: 60 },
  );
});

test("sh reads quotes, substitutions and line breaks as they were", () => {
  const words = ["it's", "$(date)", "`date`", "a\nb", String.raw`a\b`, "", "~", "!!", "{a,b}"];
  expect(wordsOf("sh", words)).toEqual(words);
});

test("flags, paths, addresses and numbers stay bare", () => {
  for (const text of ["--port", "8000", "/models/Kimi-K2", "tcp://node-0:50000", "a=b,c", "0.85"]) {
    expect(shellQuote(text)).toBe(text);
  }
  expect(shellQuote("=ls")).toBe("'=ls'");
});
