import * as fc from "../../../support/fast-check.ts";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { graphemes } from "../../../../src/ui/markdown/graphemes.ts";
import { breakSpans, wrapText } from "../../../../src/ui/markdown/wrap.ts";
import { anyText } from "./texts.ts";
import { colored, seen } from "./themes.ts";

const { bold, error } = colored;

describe("wrapText", () => {
  test("breaks at spaces, and words that are too long", () => {
    expect(wrapText("ab cd  efghijkl m", 5)).toEqual(["ab cd", "efghi", "jkl m"]);
    expect(wrapText("  a\n\nb  c ", 5)).toEqual(["  a", "", "b  c"]);
  });

  test("breaks between wide characters, but not before or after what belongs to them", () => {
    expect(wrapText("你好，世界。再见", 4)).toEqual(["你", "好，", "世", "界。", "再见"]);
    for (const line of wrapText("「你好」，（世界）！再见。あっ、ー".repeat(5), 8))
      expect(line).not.toMatch(/^[」，）！。っ、ー]|[「（]$/);
  });

  test("counts two columns for emoji of several parts and flags, and does not cut them", () => {
    expect(wrapText("👩‍👩‍👧‍👦🇨🇳👍🏽e\u0301x", 4)).toEqual(["👩‍👩‍👧‍👦🇨🇳", "👍🏽e\u0301x"]);
  });

  test("opens and closes styles on each line", () => {
    const [first = "", second = "", third = ""] = wrapText(`a ${bold(`b ${error("c d")} e`)} f`, 3);
    expect([first, third]).toEqual([`a ${bold("b")}`, `${bold("e")} f`]);
    expect(seen(second)).toBe("c d");
    for (const code of ["1", "22", "38;2;255;143;148", "39"])
      expect(second).toContain(`\u001B[${code}m`);
  });

  test("keeps links on each line", () => {
    const open = "\u001B]8;;http://a\u001B\\";
    const close = "\u001B]8;;\u001B\\";
    expect(wrapText(`${open}a b${close} c`, 1)).toEqual([
      `${open}a${close}`,
      `${open}b${close}`,
      "c",
    ]);
  });

  test("loses nothing but spaces, whatever the text", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 30 }), (any, width) => {
        const text = any.replaceAll(/[\p{Cc}\t]/gu, " ");
        const lines = wrapText(text, width);
        expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
        for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe("breakSpans", () => {
  test("loses nothing at all", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 30 }), (any, width) => {
        const text = any.replaceAll(/[\p{Cc}\t]/gu, " ");
        expect(
          breakSpans([{ text, style: bold }], width)
            .map(seen)
            .join(""),
        ).toBe(text);
      }),
    );
  });
});

describe("graphemes", () => {
  test("are as wide together as string-width says", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 20 }), (text) => {
        const sum = graphemes(text).reduce((total, { width }) => total + width, 0);
        expect(sum).toBeGreaterThanOrEqual(stringWidth(text));
      }),
    );
  });

  test("have the width of string-width for each single character", () => {
    const wrong: string[] = [];
    for (let code = 0x20; code < 0xffff; code++) {
      const text = String.fromCharCode(code);
      if (/\p{Cc}/u.test(text)) continue;
      const sum = graphemes(`a${text}a`).reduce((total, { width }) => total + width, 0);
      if (sum !== stringWidth(`a${text}a`)) wrong.push(code.toString(16));
    }
    expect(wrong).toEqual([]);
  });
});
