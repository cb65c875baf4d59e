import * as fc from "../../../support/fast-check.ts";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { renderDiff } from "../../../../src/ui/markdown/render-diff.ts";
import { anyText } from "./texts.ts";
import { colored, plain, seen } from "./themes.ts";

const diff = `@@ -9,3 +9,4 @@ function f() {
 a
-b
+c\tx
+d

@@ -40 +41 @@
-y
\\ No newline at end of file
`;
const render = (text: string, width = 40, maxLines = 100, theme = plain): string[] =>
  renderDiff({ path: "a.ts", diff: text, added: 2, removed: 2 }, { width, theme, maxLines });

describe("renderDiff", () => {
  test("numbers lines by the file that they are in", () => {
    expect(render(diff)).toEqual([
      " 9   a",
      "10 - b",
      "10 + c   x",
      "11 + d",
      "12",
      " ⋮",
      "40 - y",
      "     No newline at end of file",
    ]);
  });

  test("colours what was added and removed", () => {
    const lines = render(diff, 40, 100, colored);
    expect(lines[1]).toBe(colored.dim("10 ") + colored.removed("- b"));
    expect(lines[3]).toBe(colored.dim("11 ") + colored.added("+ d"));
  });

  test("wraps long lines beside the numbers", () => {
    expect(render("@@ -1 +1 @@\n+abcdefghijklm", 12)).toEqual(["1 + abcdefgh", "    ijklm"]);
  });

  test("folds what is over the most lines", () => {
    expect(render(diff, 40, 3)).toEqual([" 9   a", "10 - b", "… 6 more lines"]);
    expect(render(diff, 40, 8)).toHaveLength(8);
    expect(render("@@ -1 +1 @@\n+abcdefghijklmn", 13, 1)).toEqual(["… 1 more line"]);
  });

  test("fits any text in the width and the most lines, without controls", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 40 }), (text, width) => {
        const lines = render(`@@ -1 +1 @@\n+${text.replaceAll("\n", "\n+")}`, width, 10, colored);
        expect(lines.length).toBeLessThanOrEqual(10);
        for (const line of lines) {
          expect(seen(line)).not.toMatch(/[\p{Cc}\u202A-\u202E\u2066-\u2069]/u);
          expect(stringWidth(line)).toBeLessThanOrEqual(width);
        }
      }),
    );
  });
});
