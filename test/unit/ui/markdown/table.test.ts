import { describe, expect, test } from "vitest";
import { renderMarkdown } from "../../../../src/ui/markdown/render-markdown.ts";
import { plain } from "./themes.ts";

const render = (text: string, width = 40): string[] =>
  renderMarkdown(text, { width, theme: plain });

describe("tables", () => {
  test("give columns the width of what is in them, and align it", () => {
    expect(render("a | b | c\n:-- | :-: | --:\n中文 | **x** | 1\nq | long | 1000")).toEqual([
      "a    │  b   │    c",
      "─────┼──────┼─────",
      "中文 │  x   │    1",
      "q    │ long │ 1000",
    ]);
  });

  test("wrap cells where the screen is too narrow, with rules between rows", () => {
    expect(render("| k | text |\n|---|---|\n| 1 | one two three |\n| 2 | <br>four |", 12)).toEqual([
      "k │ text",
      "──┼─────────",
      "1 │ one two",
      "  │ three",
      "──┼─────────",
      "2 │",
      "  │ four",
    ]);
  });

  test("become lists where columns would be narrower than three", () => {
    expect(render("| ab | cd |\n|---|---|\n| 1234 | 5678 |\n| 9 | long |", 7)).toEqual([
      "ab:",
      "1234",
      "cd:",
      "5678",
      "",
      "ab: 9",
      "cd:",
      "long",
    ]);
  });

  test("fill rows that are too short and cut those too long", () => {
    expect(render("|a|b|\n|-|-|\n|1|\n|1|2|3|\n|x\\|y|z|")).toEqual([
      "a   │ b",
      "────┼──",
      "1   │",
      "1   │ 2",
      "x|y │ z",
    ]);
  });

  test("are none without a delimiter row of as many cells", () => {
    expect(render("a | b\n--- |\n\n| c |")).toEqual(["a | b --- |", "", "| c |"]);
  });

  test("leave the text before them a paragraph", () => {
    expect(render("Text\n|a|\n|-|\n|1|\n# T")).toEqual(["Text", "", "a", "─", "1", "", "# T"]);
  });

  test("go on without a second header when they are too long to hold", () => {
    const rows = Array.from({ length: 2000 }, (_, index) => `| ${index} | some words here |\n`);
    const lines = render(`| n | text |\n|---|---|\n${rows.join("")}`);
    expect(lines).toHaveLength(2002);
    expect(lines.filter((line) => line.startsWith("n "))).toHaveLength(1);
  });
});
