import * as fc from "../../../support/fast-check.ts";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { cellOf, simpleWidth } from "../../../../src/ui/composer/cells.ts";
import { createComposer } from "../../../../src/ui/composer/composer-state.ts";
import { applyEdit } from "../../../../src/ui/composer/edit-actions.ts";
import { boundaryFrom } from "../../../../src/ui/composer/graphemes.ts";
import { layoutComposer, moveVertically } from "../../../../src/ui/composer/layout.ts";
import { anyComposer, composerAt, marked, perform } from "./arbitraries.ts";

const rowsOf = (text: string, width: number): string[] =>
  layoutComposer(createComposer(text), { width, maxRows: 100 }).rows.map((row) => row.text);
const cursorOf = (text: string, width: number) =>
  layoutComposer(composerAt(text), { width, maxRows: 100 }).cursor;

const segmenter = new Intl.Segmenter();
const widths = fc.integer({ min: 3, max: 60 });

describe("rows", () => {
  test("break between words, and within one that is too long", () => {
    expect(rowsOf("hello big world", 12)).toEqual(["hello big ", "world"]);
    expect(rowsOf("incomprehensible", 8)).toEqual(["incompr", "ehensib", "le"]);
    expect(rowsOf("a\n\nb", 8)).toEqual(["a", "", "b"]);
  });

  test("hold one space in the column that is kept for the cursor", () => {
    expect(rowsOf("hello world", 6)).toEqual(["hello ", "world"]);
    expect(rowsOf("hello  world", 6)).toEqual(["hello ", " ", "world"]);
    expect(rowsOf("hello ", 6)).toEqual(["hello ", ""]);
  });

  test("never split a wide character", () => {
    expect(rowsOf("你好世界", 6)).toEqual(["你好", "世界"]);
    expect(rowsOf("a你好", 5)).toEqual(["a你", "好"]);
    expect(rowsOf("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 5)).toEqual(["👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"]);
    expect(rowsOf("🇨🇳🇫🇷🇯🇵", 6)).toEqual(["🇨🇳🇫🇷", "🇯🇵"]);
    expect(rowsOf("한국어 입력", 8)).toEqual(["한국어 ", "입력"]);
  });

  test("break between Chinese characters, and not within a Latin word beside them", () => {
    expect(rowsOf("请看一下hello", 12)).toEqual(["请看一下", "hello"]);
  });

  test("show controls, invisible and direction-turning characters as symbols", () => {
    expect(rowsOf("\u001b[31m\u0007\u007f", 40)).toEqual(["␛[31m␇␡"]);
    expect(rowsOf("a\u009bb\u202ec\u200bd\ud800", 40)).toEqual(["a\ufffdb\ufffdc\ufffdd\ufffd"]);
    expect(rowsOf("\u0301x", 40)).toEqual(["\u25cc\u0301x"]);
    expect(rowsOf("\tx", 40)).toEqual(["    x"]);
  });

  test("show a paste as its label, whole where it fits", () => {
    const text = `${"x".repeat(40)}\n`.repeat(300) + "y".repeat(45);
    const composer = perform([
      { type: "insert", text: "see " },
      { type: "paste", text },
      { type: "insert", text: " ok" },
    ]);
    const label = "[pasted 12,345 characters, 301 lines]";
    const one = layoutComposer(composer, { width: 80, maxRows: 5 }).rows;
    expect(one.map((row) => row.text)).toEqual([`see ${label} ok`]);
    expect(one[0]?.labels).toEqual([{ from: 4, to: 4 + label.length }]);
    const two = layoutComposer(composer, { width: 40, maxRows: 5 }).rows;
    expect(two.map((row) => row.text)).toEqual(["see ", `${label} `, "ok"]);
    const narrow = layoutComposer(composer, { width: 12, maxRows: 5 }).rows;
    expect(narrow.map((row) => row.text)).toEqual(["see ", "[pasted 12… ", "ok"]);
  });

  test("of any text are no wider than the width, and make up what is shown", () => {
    fc.assert(
      fc.property(anyComposer, widths, (composer, width) => {
        const { rows } = layoutComposer(composer, { width, maxRows: 10_000 });
        for (const row of rows) expect(stringWidth(row.text)).toBeLessThanOrEqual(width);
        const rules = { limit: width - 1, pastes: composer.pastes };
        const shown = composer.text.split("\n").map((line) => {
          const parts = line.split(/([\u{108000}-\u{10ffff}])/u);
          const cells = parts.flatMap((part) =>
            part.codePointAt(0) !== undefined && (part.codePointAt(0) ?? 0) >= 0x10_80_00
              ? [part]
              : [...segmenter.segment(part)].map(({ segment }) => segment),
          );
          return cells.map((cell) => cellOf(cell, rules).text).join("");
        });
        expect(rows.map((row) => row.text).join("")).toBe(shown.join(""));
        expect(rows.map((row) => row.text).join("")).not.toMatch(/\p{Cc}/u);
        for (const [index, row] of rows.entries()) {
          const next = rows[index + 1]?.from ?? composer.text.length;
          expect(composer.text.slice(row.to, next)).toMatch(/^\n?$/);
        }
      }),
    );
  });

  test("of a text are the same whatever was laid out before", () => {
    fc.assert(
      fc.property(anyComposer, widths, (composer, width) => {
        const whole = layoutComposer(composer, { width, maxRows: 10_000 });
        layoutComposer(createComposer("x"), { width: width + 1, maxRows: 3 });
        expect(layoutComposer(composer, { width, maxRows: 10_000 })).toEqual(whole);
      }),
    );
  });
});

describe("the cursor", () => {
  test("is at its display column", () => {
    expect(cursorOf("你好|世界", 20)).toEqual({ row: 0, column: 4 });
    expect(cursorOf("a\n👍🏽e\u0301|", 20)).toEqual({ row: 1, column: 3 });
    expect(cursorOf("\t|", 20)).toEqual({ row: 0, column: 4 });
  });

  test("is at the start of the next row at a soft break, and has a column behind a full row", () => {
    expect(cursorOf("hello |world", 6)).toEqual({ row: 1, column: 0 });
    expect(cursorOf("hello| world", 6)).toEqual({ row: 0, column: 5 });
    expect(cursorOf("hello|", 6)).toEqual({ row: 0, column: 5 });
    expect(cursorOf("hello |", 6)).toEqual({ row: 1, column: 0 });
  });

  test("is always inside the window, which holds as many rows as it can", () => {
    fc.assert(
      fc.property(
        anyComposer,
        fc.record({
          width: widths,
          maxRows: fc.integer({ min: 1, max: 6 }),
          hiddenAbove: fc.nat(30),
        }),
        (composer, options) => {
          const layout = layoutComposer(composer, options);
          const row = layout.rows[layout.cursor.row];
          expect(row).toBeDefined();
          expect(layout.cursor.column).toBeLessThan(options.width);
          expect(row?.from).toBeLessThanOrEqual(composer.cursor);
          expect(row?.to).toBeGreaterThanOrEqual(composer.cursor);
          const total = layoutComposer(composer, { ...options, maxRows: 10_000 }).rows.length;
          expect(layout.rows).toHaveLength(Math.min(total, options.maxRows));
          expect(layout.hiddenAbove + layout.rows.length + layout.hiddenBelow).toBe(total);
        },
      ),
    );
  });
});

describe("the window", () => {
  const text = Array.from({ length: 20 }, (_, line) => `line ${line}`).join("\n");

  test("says what is hidden", () => {
    const layout = layoutComposer(createComposer(text), { width: 20, maxRows: 4 });
    expect(layout.rows.map((row) => row.text)).toEqual([
      "line 16",
      "line 17",
      "line 18",
      "line 19",
    ]);
    expect([layout.hiddenAbove, layout.hiddenBelow]).toEqual([16, 0]);
  });

  test("moves only when the cursor leaves it", () => {
    let composer = createComposer(text);
    let hiddenAbove = 16;
    const tops: number[] = [];
    for (let step = 0; step < 5; step++) {
      composer = moveVertically(composer, 20, "up") ?? composer;
      ({ hiddenAbove } = layoutComposer(composer, { width: 20, maxRows: 4, hiddenAbove }));
      tops.push(hiddenAbove);
    }
    expect(tops).toEqual([16, 16, 16, 15, 14]);
  });
});

describe("up and down", () => {
  const up = (text: string, width: number) => moveVertically(composerAt(text), width, "up");
  const down = (text: string, width: number) => moveVertically(composerAt(text), width, "down");

  test("move by rows, also within a wrapped line", () => {
    expect(marked(up("hello wor|ld", 6) ?? createComposer())).toBe("hel|lo world");
    expect(marked(down("hel|lo world", 6) ?? createComposer())).toBe("hello wor|ld");
    expect(marked(down("a|b\ncd", 20) ?? createComposer())).toBe("ab\nc|d");
  });

  test("give way to history in the first and the last row", () => {
    expect(up("hel|lo world", 6)).toBeUndefined();
    expect(down("hello wor|ld", 6)).toBeUndefined();
    expect(up("|", 6)).toBeUndefined();
  });

  test("keep the column over short rows until something else is done", () => {
    const start = composerAt("long line\nx\nlong| line");
    const middle = moveVertically(start, 20, "up") ?? start;
    expect(marked(middle)).toBe("long line\nx|\nlong line");
    expect(marked(moveVertically(middle, 20, "up") ?? start)).toBe("long| line\nx\nlong line");
    const moved = applyEdit(middle, { type: "move", to: "left" });
    expect(marked(moveVertically(moved, 20, "up") ?? start)).toBe("|long line\nx\nlong line");
  });

  test("stop before a wide character that the column cuts", () => {
    expect(marked(up("你好\nabc|", 20) ?? createComposer())).toBe("你|好\nabc");
  });

  test("move exactly one row and stay at a boundary", () => {
    fc.assert(
      fc.property(anyComposer, widths, (composer, width) => {
        const row = (at: typeof composer): number =>
          layoutComposer(at, { width, maxRows: 10_000 }).cursor.row;
        const above = moveVertically(composer, width, "up");
        if (above === undefined) expect(row(composer)).toBe(0);
        else {
          expect(row(above)).toBe(row(composer) - 1);
          expect(boundaryFrom(above.text, above.cursor)).toBe(above.cursor);
          expect(row(moveVertically(above, width, "down") ?? above)).toBe(row(composer));
        }
      }),
    );
  });
});

describe("simple characters", () => {
  test("have the width that string-width gives, and are graphemes of their own", () => {
    for (let unit = 0; unit < 0x1_00_00; unit++) {
      if (simpleWidth(unit) === 0) continue;
      const character = String.fromCharCode(unit);
      if (stringWidth(character) !== simpleWidth(unit)) {
        expect.fail(`width of U+${unit.toString(16)}`);
      }
      if ([...segmenter.segment(`가${character}가`)].length !== 3) {
        expect.fail(`boundaries of U+${unit.toString(16)}`);
      }
    }
  });
});
