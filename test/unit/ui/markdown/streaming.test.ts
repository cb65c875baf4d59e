import { describe, expect, test } from "vitest";
import { loadHighlighter } from "../../../../src/ui/markdown/highlight.ts";
import { renderMarkdown } from "../../../../src/ui/markdown/render-markdown.ts";
import { StreamingMarkdown } from "../../../../src/ui/markdown/streaming.ts";
import { anyCuts, anyText, documents, piecesOf } from "./texts.ts";
import { linked, plain } from "./themes.ts";
import * as fc from "../../../support/fast-check.ts";

await loadHighlighter();

const stream = (width = 40, theme = plain): StreamingMarkdown =>
  new StreamingMarkdown({ width: () => width, theme });

describe("StreamingMarkdown", () => {
  test("gives the same lines however a text is cut, and whatever is looked at in between", () => {
    fc.assert(
      fc.property(anyText, anyCuts, fc.integer({ min: 2, max: 60 }), (text, cuts, width) => {
        const markdown = stream(width, linked);
        const lines = piecesOf(text, cuts).flatMap((piece) => {
          const final = markdown.push(piece);
          markdown.pending(100);
          return final;
        });
        expect([...lines, ...markdown.end()]).toEqual(
          renderMarkdown(text, { width, theme: linked }),
        );
      }),
      { numRuns: 1000 },
    );
  });

  for (const [name, text] of Object.entries(documents))
    test(`gives the lines of the whole ${name}, one character at a time`, () => {
      const markdown = stream(50, linked);
      const lines = piecesOf(text, [1]).flatMap((piece) => markdown.push(piece));
      expect([...lines, ...markdown.end()]).toEqual(
        renderMarkdown(text, { width: 50, theme: linked }),
      );
    });

  test("shows as pending what the end would give", () => {
    fc.assert(
      fc.property(anyText, anyCuts, (text, cuts) => {
        const markdown = stream();
        for (const piece of piecesOf(`${text}.`, cuts)) markdown.push(piece);
        const pending = markdown.pending(1000);
        expect(markdown.end()).toEqual(pending);
      }),
    );
  });

  test("holds a paragraph until a blank line", () => {
    const markdown = stream();
    expect(markdown.push("One\ntwo")).toEqual([]);
    expect(markdown.push("\n")).toEqual([]);
    expect(markdown.pending(9)).toEqual(["One two"]);
    expect(markdown.push("\n")).toEqual(["One two"]);
    expect(markdown.pending(9)).toEqual([]);
    expect(markdown.push("Three")).toEqual([]);
    expect(markdown.pending(9)).toEqual(["", "Three"]);
    expect(markdown.end()).toEqual(["", "Three"]);
  });

  test("gives each line of code at its line break", () => {
    const markdown = stream();
    expect(markdown.push("```py\na = 1\nb")).toEqual(["  a = 1"]);
    expect(markdown.pending(9)).toEqual(["  b"]);
    expect(markdown.push(" = 2\n")).toEqual(["  b = 2"]);
    expect(markdown.push("```\n")).toEqual([]);
    expect(markdown.end()).toEqual([]);
  });

  test("gives an item when the next begins, numbered as in the whole", () => {
    const markdown = stream();
    expect(markdown.push("7. one\n7. two")).toEqual([]);
    expect(markdown.push("\n")).toEqual(["7. one"]);
    expect(markdown.push("7. three\n")).toEqual(["8. two"]);
    expect(markdown.end()).toEqual(["9. three"]);
  });

  test("holds a table until the line after it", () => {
    const markdown = stream();
    expect(markdown.push("| a | b |\n|---|---|\n| 1 | 2 |\n| long | 2 |\n")).toEqual([]);
    expect(markdown.pending(9)).toEqual(["a    │ b", "─────┼──", "1    │ 2", "long │ 2"]);
    expect(markdown.push("\n")).toEqual(["a    │ b", "─────┼──", "1    │ 2", "long │ 2"]);
  });

  test("shows the last of many pending lines", () => {
    const markdown = stream(10);
    markdown.push("one two three four five six seven");
    expect(markdown.pending(2)).toEqual(["five six", "seven"]);
    expect(markdown.pending(0)).toEqual([]);
  });

  test("does not show marks before it is known what they mark", () => {
    const markdown = stream();
    markdown.push("Title\n-");
    expect(markdown.pending(9)).toEqual(["Title"]);
    markdown.push(" item");
    expect(markdown.pending(9)).toEqual(["Title", "", "• item"]);
  });

  test("shows pending lines in the width of now", () => {
    let width = 20;
    const markdown = new StreamingMarkdown({ width: () => width, theme: plain });
    markdown.push("some words");
    expect(markdown.pending(9)).toEqual(["some words"]);
    width = 6;
    expect(markdown.pending(9)).toEqual(["some", "words"]);
  });

  test("joins what was cut within a character or a line break", () => {
    const markdown = stream();
    markdown.push("\uD83D");
    markdown.push("\uDE00 a\r");
    expect(markdown.push("\n\r\n")).toEqual(["😀 a"]);
  });

  test("gives part of a paragraph that has no end", () => {
    const markdown = stream(80);
    const lines = Array.from({ length: 500 }, () => "word ".repeat(20)).flatMap((words) =>
      markdown.push(words),
    );
    expect(lines.length).toBeGreaterThan(500);
    expect(markdown.pending(1000).length).toBeLessThan(120);
    const words = [...lines, ...markdown.end()].join(" ").match(/word/g);
    expect(words).toHaveLength(10_000);
  });

  test("streams a long block of code in time linear in its length", () => {
    const millisecondsFor = (count: number): number => {
      const markdown = stream(80, linked);
      const before = process.cpuUsage();
      markdown.push("```ts\n");
      for (let line = 0; line < count; line++)
        markdown.push("  const text = `a ${line} b`; // c\n");
      markdown.end();
      return process.cpuUsage(before).user / 1_000;
    };
    millisecondsFor(1_000);
    expect(millisecondsFor(10_000)).toBeLessThan(3_000);
  });
});
