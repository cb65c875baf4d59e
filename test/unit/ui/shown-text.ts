/** What lines on a screen must be, whatever text is in them. */
import * as fc from "../../support/fast-check.ts";
import stringWidth from "string-width";
import { expect } from "vitest";
import { anyText } from "./composer/arbitraries.ts";

/** Every control character, in sequences that do something, and alone. */
export const hostileText = [
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).filter(
    (character) => character !== "\n" && character !== "\t",
  ),
  ...Array.from({ length: 33 }, (_, code) => String.fromCharCode(0x7f + code)),
  "\u001b[2J",
  "\u001b[31mred",
  "\u001b]0;title\u0007",
  "\u001b]52;c;aGk=\u001b\\",
  "\u001b]8;;http://x\u0007link\u001b]8;;\u0007",
  "\u001bP+q\u001b\\",
  "\u009b2J",
  "\u009d0;x\u009c",
  "a\rb",
  "a\bb",
  "\u202eevil\u202c",
  "\u2066x\u2069",
  "\u2028",
  "\ud83d",
].join("x");

const own = /\u001b\[[\d;]*m|\u001b\]8;;[\x20-\x7e]*\u001b\\/g;

/** Expects lines of which only our own styles and links are no plain text. */
export function expectSafe(lines: readonly string[]): void {
  for (const line of lines) {
    const plain = line.replaceAll(own, "");
    expect(plain).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029]/u);
    expect(plain.isWellFormed()).toBe(true);
  }
}

export function expectNarrow(lines: readonly string[], columns: number): void {
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
}

/** Also long ones, and hostile ones. */
export const someText = fc.oneof(
  { weight: 6, arbitrary: anyText },
  fc.constantFrom(hostileText, "", "word ".repeat(300), "汉".repeat(500), "👨‍👩‍👧‍👦 ".repeat(60)),
  fc.constantFrom("\n".repeat(40), "\t\t\t", "x".repeat(3_000), "a\n\n\nb", "```\ncode\n```\n"),
);
