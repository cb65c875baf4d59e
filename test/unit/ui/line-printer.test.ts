import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { hostileText, someText } from "./shown-text.ts";
import type { Print, Question } from "../../../src/ui/chat-state.ts";
import { LinePrinter } from "../../../src/ui/line-printer.ts";

function written(print: (printer: LinePrinter) => void): string {
  let all = "";
  print(new LinePrinter((text) => (all += text)));
  return all;
}

const question: Question = {
  callId: "c",
  toolName: "run_command",
  effect: "execute",
  summary: "ls -l",
  subject: "ls -l\npwd",
  rule: "run_command(ls *)",
};

test("a conversation is plain lines", () => {
  const items: readonly Print[] = [
    { type: "user", text: "hi", isSteering: false },
    { type: "thinking", text: "hm", durationMs: 3_000 },
    { type: "text", text: "Hel" },
    { type: "text", text: "lo.\nBye" },
    { type: "text-end" },
    {
      type: "tool",
      name: "t",
      summary: "list .",
      outcome: "ok",
      durationMs: 100,
      display: { type: "text", text: "a\nb\n" },
    },
    { type: "notice", level: "info", text: "note" },
    { type: "notice", level: "error", text: "gone\nhint: wait" },
    { type: "lines", lines: ["x", "y"] },
  ];
  expect(written((printer) => items.forEach((item) => printer.print(item)))).toBe(
    [
      "Thought for 3.0 s.",
      "Hello.",
      "Bye",
      "Tool: list .: ok, 0.1 s",
      "  a",
      "  b",
      "note",
      "error: gone",
      "hint: wait",
      "x",
      "y",
      "",
    ].join("\n"),
  );
});

test("a note in the middle of an answer has a line of its own", () => {
  const out = written((printer) => {
    printer.print({ type: "text", text: "one" });
    printer.print({ type: "notice", level: "warning", text: "slow" });
    printer.print({ type: "text", text: "two" });
    printer.print({ type: "text-end" });
    printer.print({ type: "text-end" });
  });
  expect(out).toBe("one\nwarning: slow\ntwo\n");
});

test("an answer that ends with a line break gets no second one", () => {
  const out = written((printer) => {
    printer.print({ type: "text", text: "one\n" });
    printer.print({ type: "text", text: "" });
    printer.print({ type: "text-end" });
  });
  expect(out).toBe("one\n");
});

test("a question is put once, with what it is about and the four answers", () => {
  const out = written((printer) => {
    printer.ask(question);
    printer.ask(question);
    printer.ask(undefined);
  });
  expect(out.split("\n")).toEqual([
    "May run_command do this? ls -l",
    "  ls -l",
    "  pwd",
    "1: once. 2: in this session, run_command(ls *). 3: always, run_command(ls *). 4: no, and say why.",
    "",
  ]);
});

test("a question about a change shows it", () => {
  const preview = { type: "diff", path: "a", diff: "-a\n+b", added: 1, removed: 1 } as const;
  expect(written((printer) => printer.ask({ ...question, preview }))).toContain("  -a\n  +b\n");
});

test("long output is cut in the middle", () => {
  const text = Array.from({ length: 30 }, (_, index) => `line ${index}`).join("\n");
  const out = written((printer) =>
    printer.print({
      type: "tool",
      name: "t",
      summary: "s",
      outcome: "error",
      durationMs: undefined,
      display: { type: "text", text },
    }),
  );
  expect(out.split("\n")).toHaveLength(13);
  expect(out).toContain("  … 20 more lines\n");
  expect(out).not.toContain("undefined");
});

test("the prompt begins a line, is there once, and what comes then does not stand in it", () => {
  const out = written((printer) => {
    printer.print({ type: "text", text: "one" });
    printer.prompt();
    printer.prompt();
    printer.line("two");
    printer.prompt();
    printer.typed();
    printer.line("three");
  });
  expect(out).toBe("one\n> \ntwo\n> three\n");
});

test("no text can begin an escape sequence", () => {
  fc.assert(
    fc.property(fc.oneof(someText, fc.constant(hostileText)), (text) => {
      const out = written((printer) => {
        const display = { type: "text", text } as const;
        const diff = { type: "diff", path: text, diff: text, added: 1, removed: 1 } as const;
        const call = { type: "tool", name: text, summary: text, outcome: "ok" } as const;
        printer.print({ type: "text", text });
        printer.print({ type: "notice", level: "error", text });
        printer.print({ type: "lines", lines: [text] });
        printer.print({ type: "thinking", text, durationMs: 1 });
        printer.print({ ...call, durationMs: 1, display });
        printer.print({ ...call, durationMs: 1, display: diff });
        printer.ask({ ...question, toolName: text, summary: text, subject: text, rule: text });
        printer.ask({ ...question, preview: diff });
        printer.line(text);
      });
      expect(out).not.toMatch(/[^\P{Cc}\n\t]/u);
    }),
  );
});
