import * as fc from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { expectNarrow, expectSafe, hostileText, someText } from "./shown-text.ts";
import type { Print } from "../../../src/ui/chat-state.ts";
import { Printer } from "../../../src/ui/printer.ts";
import { createTheme } from "../../../src/ui/theme.ts";

interface Look {
  readonly width?: number;
  readonly colorLevel?: 0 | 3;
}

function printer({ width = 60, colorLevel = 0 }: Look = {}): Printer {
  const theme = createTheme({ colorLevel, background: "dark", hyperlinks: true });
  return new Printer({ width: () => width, theme: () => theme });
}

const printed = (...items: readonly Print[]): string[] => {
  const out = printer();
  return items.flatMap((item) => out.print(item));
};

const user = (text: string, isSteering = false): Print => ({ type: "user", text, isSteering });
const text = (text: string): Print => ({ type: "text", text });
const textEnd: Print = { type: "text-end" };
const notice = (text: string): Print => ({ type: "notice", level: "info", text });
const thinking = (text: string): Print => ({ type: "thinking", text, durationMs: 3_210 });
const lines = (...lines: readonly string[]): Print => ({ type: "lines", lines });

function tool(change: Partial<Print & { type: "tool" }> = {}): Print {
  return {
    type: "tool",
    name: "weather",
    summary: "weather in Rome",
    outcome: "ok",
    durationMs: 320,
    display: { type: "text", text: "22 °C" },
    ...change,
  };
}

const count = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`).join("\n");

describe("a conversation", () => {
  test("has a blank line between things, and none between pieces of an answer and between calls", () => {
    expect(
      printed(
        user("What's the weather?"),
        thinking("They want it now."),
        tool(),
        tool({ summary: "weather in Oslo", durationMs: undefined, outcome: "error" }),
        text("It is"),
        text(" **warm**.\n\nIn Rome"),
        text(", that is."),
        textEnd,
        notice("interrupted"),
        notice("again"),
        user("stop", true),
      ),
    ).toEqual([
      "❯ What's the weather?",
      "",
      "∴ thought for 3.2 s (Ctrl-O shows it)",
      "",
      "● weather in Rome ✓ 0.3 s",
      "  22 °C",
      "● weather in Oslo ✗",
      "  22 °C",
      "",
      "It is warm.",
      "",
      "In Rome, that is.",
      "",
      "  interrupted",
      "",
      "  again",
      "",
      "↳ stop",
    ]);
  });

  test("has a blank line between two answers", () => {
    expect(printed(text("one"), textEnd, text("two"), textEnd)).toEqual(["one", "", "two"]);
  });

  test("begins without one", () => {
    expect(printed(text("one\n\n"))).toEqual(["one"]);
  });

  test("an answer without text prints nothing", () => {
    expect(printed(user("hi"), text("\n\n"), textEnd, notice("x"))).toEqual(["❯ hi", "", "  x"]);
  });

  test.each([
    ["ok", "● weather in Rome ✓ 0.3 s"],
    ["error", "● weather in Rome ✗ 0.3 s"],
    ["denied", "● weather in Rome ⊘ denied 0.3 s"],
    ["interrupted", "● weather in Rome ⊘ interrupted 0.3 s"],
  ] as const)("a call that ended %s says so in its line", (outcome, line) => {
    expect(printed(tool({ outcome, display: { type: "text", text: " \n" } }))).toEqual([line]);
  });

  test("warnings and errors are marked", () => {
    const of = (level: "warning" | "error"): Print => ({ type: "notice", level, text: "a\nb" });
    expect(printed(of("warning"))).toEqual(["! a", "  b"]);
    expect(printed(of("error"))).toEqual(["! a", "  b"]);
  });

  test("a summary takes one line, however long", () => {
    const [line = "", ...rest] = printed(
      tool({ summary: `run\n${"word ".repeat(50)}`, display: { type: "text", text: "" } }),
    );
    expect(line).toMatch(/^● run word .*wo?r?d?… ✓ 0\.3 s$/);
    expect(rest).toEqual([]);
  });

  test("a diff is shown with its numbers", () => {
    const diff = "@@ -1,2 +1,2 @@\n a\n-b\n+c";
    expect(
      printed(tool({ display: { type: "diff", path: "x", diff, added: 1, removed: 1 } })),
    ).toEqual(["● weather in Rome ✓ 0.3 s", "  1   a", "  2 - b", "  2 + c"]);
  });
});

describe("what is long", () => {
  test("is folded but for its start and end, and shown on demand", () => {
    const out = printer();
    const shown = out.print(tool({ display: { type: "text", text: count(1, 20) } }));
    expect(shown).toEqual([
      "● weather in Rome ✓ 0.3 s",
      "  line 1",
      "  line 2",
      "  … 16 more lines (Ctrl-O shows them)",
      "  line 19",
      "  line 20",
    ]);
    expect(out.unfold()).toEqual([
      "",
      ...count(1, 20)
        .split("\n")
        .map((line) => `  ${line}`),
    ]);
    expect(out.unfold()).toBeUndefined();
  });

  test("is not folded for one line", () => {
    expect(printed(tool({ display: { type: "text", text: count(1, 5) } }))).toHaveLength(6);
  });

  test("is shown the newest first", () => {
    const out = printer();
    out.print(thinking("first thought"));
    out.print(tool({ display: { type: "text", text: count(1, 9) } }));
    out.print(user(count(1, 99)));
    out.print(thinking("last thought"));
    expect(out.unfold()).toEqual(["", "  last thought"]);
    expect(out.unfold()).toHaveLength(100);
    expect(out.unfold()).toHaveLength(10);
    expect(out.unfold()).toEqual(["", "  first thought"]);
  });

  test("of a diff is counted and shown on demand", () => {
    const diff = `@@ -0,0 +1,60 @@\n${count(1, 60).replaceAll(/^/gm, "+")}`;
    const out = printer();
    const shown = out.print(
      tool({ display: { type: "diff", path: "x", diff, added: 60, removed: 0 } }),
    );
    expect(shown).toHaveLength(26);
    expect(shown.at(-2)).toMatch(/… 37 more lines/);
    expect(shown.at(-1)).toMatch(/Ctrl-O/);
    expect(out.unfold()).toHaveLength(61);
  });

  test("is kept for the last fifty things", () => {
    const out = printer();
    for (let index = 0; index < 60; index++) out.print(thinking(`thought ${index}`));
    const seen = Array.from({ length: 60 }, () => out.unfold()?.at(-1)).filter(Boolean);
    expect([seen.length, seen[0], seen.at(-1)]).toEqual([50, "  thought 59", "  thought 10"]);
  });

  test("thinking is printed whole where it was asked for", () => {
    const out = printer();
    out.showsThinking = true;
    expect(out.print(thinking("a\nb"))).toEqual(["∴ thought for 3.2 s", "  a", "  b"]);
    expect(out.unfold()).toBeUndefined();
  });

  test("a megabyte of output takes little more time than to look at it", () => {
    const megabyte = "The quick brown fox jumps over it.\n".repeat(30_000);
    const out = printer();
    out.print(tool({ display: { type: "text", text: megabyte.slice(0, 10_000) } }));
    const before = process.cpuUsage();
    out.print(tool({ display: { type: "text", text: megabyte } }));
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(200);
  });
});

describe("the end of an answer that is not final", () => {
  test("is shown below what was printed, with the blank line that it will get", () => {
    const out = printer();
    out.print(user("hi"));
    expect(out.print(text("one\n\ntwo"))).toEqual(["", "one"]);
    expect(out.pending(5)).toEqual(["", "two"]);
    expect(out.print(textEnd)).toEqual(["", "two"]);
    expect(out.pending(5)).toEqual([]);
  });

  test("of a new answer is kept apart from what was printed before", () => {
    const out = printer();
    out.print(text("one"));
    out.print(textEnd);
    out.print(text("two"));
    expect(out.pending(5)).toEqual(["", "two"]);
    expect(out.pending(1)).toEqual(["two"]);
    expect(out.pending(0)).toEqual([]);
  });
});

const display = fc.oneof(
  someText.map((text) => ({ type: "text" as const, text })),
  fc.record({
    type: fc.constant("diff" as const),
    path: someText,
    diff: someText.map((text) => `@@ -1 +1 @@\n${text.replaceAll(/^/gm, "+")}`),
    added: fc.nat(9),
    removed: fc.nat(9),
  }),
);

const anyPrint: fc.Arbitrary<Print> = fc.oneof(
  fc.record({ type: fc.constant("user" as const), text: someText, isSteering: fc.boolean() }),
  fc.record({ type: fc.constant("text" as const), text: someText }),
  fc.constant(textEnd),
  fc.record({ type: fc.constant("thinking" as const), text: someText, durationMs: fc.nat() }),
  fc.record({
    type: fc.constant("tool" as const),
    name: someText,
    summary: someText,
    outcome: fc.constantFrom("ok" as const, "error" as const, "denied" as const),
    durationMs: fc.option(fc.nat(), { nil: undefined }),
    display,
  }),
  fc.record({
    type: fc.constant("notice" as const),
    level: fc.constantFrom("info" as const, "error" as const),
    text: someText,
  }),
);

test("nothing of any text moves the cursor, and no line is too wide", () => {
  const width = fc.integer({ min: 45, max: 120 });
  fc.assert(
    fc.property(fc.array(anyPrint, { maxLength: 8 }), width, (items, width) => {
      const out = printer({ width, colorLevel: 3 });
      const all = items.flatMap((item) => [...out.print(item), ...out.pending(10)]);
      for (let fold = out.unfold(); fold; fold = out.unfold()) all.push(...fold);
      expectSafe(all);
      expectNarrow(all, width);
    }),
    { numRuns: 200 },
  );
});

test("every control character is taken out of everything that is printed", () => {
  const out = printer({ colorLevel: 3, width: 80 });
  const hostile = hostileText;
  const items: readonly Print[] = [
    user(hostile),
    text(`${hostile}\n\n`),
    text("```\n"),
    text(hostile),
    textEnd,
    thinking(hostile),
    tool({ name: hostile, summary: hostile, display: { type: "text", text: hostile } }),
    tool({ display: { type: "diff", path: hostile, diff: hostile, added: 1, removed: 1 } }),
    notice(hostile),
  ];
  for (const item of items) expectSafe(out.print(item));
  for (let fold = out.unfold(); fold; fold = out.unfold()) expectSafe(fold);
});

test("lines that are ready are printed as they are", () => {
  expect(printed(lines("\u001b[1mready\u001b[22m"))).toEqual(["\u001b[1mready\u001b[22m"]);
});
