import { beforeAll, describe, expect, test } from "vitest";
import { loadHighlighter } from "../../../../src/ui/markdown/highlight.ts";
import { renderCode } from "../../../../src/ui/markdown/render-markdown.ts";
import { colored, plain, seen } from "./themes.ts";

const samples: Readonly<Record<string, string>> = {
  ts: "const a: string = 'b'",
  jsx: "return <a>1</a>",
  json: '{"a": 1}',
  py: "def f(): pass",
  sh: "if true; then echo 1; fi",
  console: "$ ls",
  c: "int a = 1;",
  "c++": "class A {};",
  rs: "fn main() {}",
  golang: "func main() {}",
  java: "class A {}",
  "c#": "var a = 1;",
  rb: "def f; end",
  php: "<?php echo 1;",
  SQL: "SELECT 1",
  html: "<a href='b'>",
  css: "a { color: red }",
  yml: "a: 1",
  toml: "a = 1",
  md: "# a",
  diff: "+a",
  Dockerfile: "FROM a",
  make: "a: b",
  kt: "fun f() = 1",
  swift: "func f() {}",
  lua: "local a = 1",
};

beforeAll(loadHighlighter);

describe("renderCode", () => {
  for (const [language, code] of Object.entries(samples))
    test(`colours ${language} and changes none of its text`, () => {
      const [line = ""] = renderCode(code, language, { width: 80, theme: colored });
      expect(seen(line)).toBe(`  ${code}`);
      expect(line).not.toBe(`  ${code}`);
    });

  test("shows code plain without a language, without colour, and beyond 50,000 characters", () => {
    expect(renderCode("const", "", { width: 80, theme: colored })).toEqual(["  const"]);
    expect(renderCode("const", "text", { width: 80, theme: colored })).toEqual(["  const"]);
    expect(renderCode("const", "js", { width: 80, theme: plain })).toEqual(["  const"]);
    const long = renderCode("const a\n".repeat(10_000), "js", { width: 80, theme: colored });
    expect(long[0]).not.toBe("  const a");
    expect(long.at(-1)).toBe("  const a");
  });

  test("keeps the colour of what goes on over many lines", () => {
    const comment = ["/*", ...Array.from({ length: 300 }, () => "if then else"), "*/", "if"];
    const lines = renderCode(comment.join("\n"), "js", { width: 80, theme: colored });
    expect(lines[250]).toBe(`  ${colored.syntax["comment"]?.("if then else")}`);
    expect(lines.at(-1)).toBe(`  ${colored.syntax["keyword"]?.("if")}`);
  });

  test("takes no control characters from the code", () => {
    expect(renderCode("a\u001B[31m\r\n\tb\u202E", "", { width: 80, theme: plain })).toEqual([
      "  a",
      "      b",
    ]);
  });
});
