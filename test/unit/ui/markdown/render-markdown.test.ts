import stringWidth from "string-width";
import { beforeAll, describe, expect, test } from "vitest";
import { loadHighlighter } from "../../../../src/ui/markdown/highlight.ts";
import { renderMarkdown } from "../../../../src/ui/markdown/render-markdown.ts";
import { anyText } from "./texts.ts";
import { colored, linked, plain, seen } from "./themes.ts";
import * as fc from "../../../support/fast-check.ts";

const render = (text: string, width = 40): string[] =>
  renderMarkdown(text, { width, theme: plain });

beforeAll(loadHighlighter);

describe("renderMarkdown", () => {
  test("fits any text in any width and lets no control through", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 60 }), (text, width) => {
        const lines = renderMarkdown(text, { width, theme: linked });
        for (const line of lines) {
          expect(stringWidth(line)).toBeLessThanOrEqual(width);
          expect(seen(line)).not.toMatch(/[\p{Cc}\u202A-\u202E\u2066-\u2069]/u);
        }
        expect([lines[0], lines.at(-1)]).not.toContain("");
      }),
      { numRuns: 1000 },
    );
  });

  test("puts one blank line between blocks and none at the ends", () => {
    const text = "\n\n# A\nb\n\n\n\n- c\n```\nd\n```\n***\n> e\n\n";
    expect(render(text, 8)).toEqual([
      "# A",
      "",
      "b",
      "",
      "• c",
      "",
      "  d",
      "",
      "────────",
      "",
      "│ e",
    ]);
  });

  test("joins lines by a space, but not between wide characters, and keeps hard breaks", () => {
    expect(render("one\n  two  \nthree\\\nfour\n中文\n继续")).toEqual([
      "one two",
      "three",
      "four 中文继续",
    ]);
  });

  test("shows emphasis, also where Chinese punctuation ends it", () => {
    const { bold, italic, strike } = colored;
    const lines = renderMarkdown("**注意：**然后 *a* _b_ ~~c~~ 2*3*4 10~20~30 a_b_c", {
      width: 60,
      theme: colored,
    });
    expect(lines).toEqual([
      `${bold("注意：")}然后 ${italic("a")} ${italic("b")} ${strike("c")} 2${italic("3")}4 10~20~30 a_b_c`,
    ]);
  });

  test("keeps the marks of code, headings and what is struck where there is no colour", () => {
    expect(render("## T\n`a` ~~b~~ ``c`d``")).toEqual(["## T", "", "`a` ~~b~~ ``c`d``"]);
  });

  test("shows the address of a link beside its text unless they are the same", () => {
    const text = "[a](https://x.y/z) <https://x.y> https://x.y/北京。然后 mail@x.y ![i](u.png)";
    expect(render(text, 100)).toEqual([
      "a (https://x.y/z) https://x.y https://x.y/北京。然后 mail@x.y [image: i] u.png",
    ]);
  });

  test("makes links of web and mail addresses, in ASCII, on each line that they are on", () => {
    const open = "\u001B]8;;https://x.y/%E4%BA%AC\u001B\\";
    const lines = renderMarkdown("[one two](https://x.y/京) [c](javascript:alert(1))", {
      width: 5,
      theme: linked,
    });
    const close = "\u001B]8;;\u001B\\";
    expect(lines[0]).toBe(`${open}${linked.link("one")}${close}`);
    expect(lines[1]).toBe(`${open}${linked.link("two")}${close} ${linked.link("c")}`);
    expect(lines.slice(2).map(seen).join("")).toBe("(javascript:alert(1))");
  });

  test("numbers and indents lists as their source does, with its blank lines", () => {
    const text = "3. a\n3. b\n   - c\n     d\n\n     e\n\n   - [x] f\n4. - g\n1) h";
    expect(render(text)).toEqual([
      "3. a",
      "4. b",
      "   • c d",
      "",
      "     e",
      "",
      "   [x] f",
      "5. • g",
      "",
      "1) h",
    ]);
  });

  test("takes bullets indented by two spaces into a numbered item", () => {
    expect(render("1. a\n  - b\n    - c\n  - d\n2. e")).toEqual([
      "1. a",
      "   • b",
      "     • c",
      "   • d",
      "2. e",
    ]);
  });

  test("keeps the blank line after indented code in an item", () => {
    expect(render("- a\n\n      b\n\n  c\n- d")).toEqual(["• a", "", "    b", "", "  c", "• d"]);
  });

  test("shows empty items, tasks and items that begin with code", () => {
    expect(render("-\n- [ ] a\n- [x]\n- ```\n  b\n  ```")).toEqual([
      "•",
      "[ ] a",
      "• [x]",
      "•   b",
    ]);
  });

  test("keeps quotes within quotes and items", () => {
    expect(render("> a\nlazy\n>\n> > b\n>\n> - c\n\nd\n- > e")).toEqual([
      "│ a lazy",
      "│",
      "│ │ b",
      "│",
      "│ • c",
      "",
      "d",
      "",
      "• │ e",
    ]);
  });

  test("shows code as it is, with its blank lines inside", () => {
    expect(render("~~~ js x\n\n  **a**\n\n\tb ```\n\n~~~\n\n    c\n\n     d", 12)).toEqual([
      "    **a**",
      "",
      "      b ```",
      "",
      "  c",
      "",
      "   d",
    ]);
  });

  test("breaks long lines of code anywhere", () => {
    expect(render("```\nabcdefgh  ijk\n```", 10)).toEqual(["  abcdefgh", "    ijk"]);
  });

  test("colours code by its language, over lines", () => {
    const { syntax } = colored;
    const text = "```ts\nconst a = 1;\n/* b\n<c> */\n```\n```unknown\nconst\n```";
    const [first, second, third, , plainLine] = renderMarkdown(text, { width: 40, theme: colored });
    expect(first).toBe(`  ${syntax["keyword"]?.("const")} a = ${syntax["number"]?.("1")};`);
    expect(second).toBe(`  ${syntax["comment"]?.("/* b")}`);
    expect(third).toBe(`  ${syntax["comment"]?.("<c> */")}`);
    expect(plainLine).toBe("  const");
  });

  test("shows HTML as text and decodes references to characters", () => {
    expect(
      render("<b>x</b> &lt;i&gt; &amp;lt; &#20013; &nope; `&lt;`\n\n<p>\n**y**\n</p>"),
    ).toEqual(["<b>x</b> <i> &lt; 中 &nope; `&lt;`", "", "<p>", "**y**", "</p>"]);
  });

  test("makes no control character of a reference to one", () => {
    expect(render("&#27;[31m &#x9b; &#x202e; &#0; &#1114112;")).toEqual(["�[31m � � � �"]);
  });

  test("shows definitions of references and footnotes as text", () => {
    expect(render("See [a][1] and [^1].\n\n[1]: https://x.y\n\n[^1]: Note.")).toEqual([
      "See [a][1] and [^1].",
      "",
      "[1]: https://x.y",
      "",
      "[^1]: Note.",
    ]);
  });

  test("comes back in time from nests and marks without end", () => {
    const texts = [
      "[",
      "**a",
      "> ",
      "- ",
      "`",
      "![",
      "[a](",
      "_a",
      "**你。",
      "<",
      "|a",
      "- a\n",
      "&",
      "\\",
    ];
    for (const text of texts) {
      const before = process.cpuUsage();
      renderMarkdown(text.repeat(200_000 / text.length), { width: 80, theme: colored });
      expect(process.cpuUsage(before).user / 1_000).toBeLessThan(2_000);
    }
  });
});
