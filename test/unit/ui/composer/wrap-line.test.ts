import * as fc from "../../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { wrapLine } from "../../../../src/ui/composer/wrap-line.ts";
import { anyText } from "./arbitraries.ts";

const line = fc
  .array(anyText, { maxLength: 6 })
  .map((texts) => texts.join("").replaceAll("\n", " "));

describe("wrapping again after an edit", () => {
  test("gives what wrapping anew gives", () => {
    fc.assert(
      fc.property(line, line, fc.nat(), fc.nat(), fc.integer({ min: 2, max: 20 }), (...values) => {
        const [old, inserted, at, length, limit] = values;
        const rules = { limit, pastes: new Map() };
        const from = at % (old.length + 1);
        const edited = old.slice(0, from) + inserted.slice(0, 12) + old.slice(from + (length % 5));
        const before = { limit, line: old, starts: wrapLine(old, rules) };
        expect(wrapLine(edited, rules, before)).toEqual(wrapLine(edited, rules));
      }),
      { numRuns: 1000 },
    );
  });
});
