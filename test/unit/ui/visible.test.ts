import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { visible } from "../../../src/ui/visible.ts";

test("what would hide in a command is seen", () => {
  expect(visible("echo two\rthree\u001b[2K\u007f")).toBe("echo two␍three␛[2K␡");
  expect(visible("rm \u202etxt.a\u200b\u2028")).toBe("rm <U+202E>txt.a<U+200B><U+2028>");
  expect(visible("one\n\ttwo 北京 👍🏽")).toBe("one\n\ttwo 北京 👍🏽");
});

test("nothing invisible is left, and nothing is lost", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = visible(text);
      expect(shown).not.toMatch(/[^\P{Cc}\n\t]|\p{Cf}/u);
      expect(Array.from(shown).length).toBeGreaterThanOrEqual(Array.from(text).length);
    }),
  );
});
