import * as fc from "../../../support/fast-check.ts";
import { expect, test } from "vitest";
import { compileSchema } from "../../../../src/agent/json-schema.ts";
import { accepts, schemas, writeAtRandom } from "./schemas.ts";

test("whatever is written within a schema's constraint satisfies it", () => {
  let finished = 0;
  fc.assert(
    fc.property(schemas, fc.nat(), (schema, seed) => {
      const text = writeAtRandom(schema, seed);
      if (text === undefined) return;
      finished++;
      const problem = compileSchema(schema, { isChecked: false })(JSON.parse(text));
      expect(problem, text).toBeUndefined();
    }),
    { numRuns: 200 },
  );
  expect(finished).toBeGreaterThan(100);
}, 120_000);

test("a value is accepted if and only if it satisfies the schema", () => {
  const verdicts = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(schemas, schemas, fc.nat(), (schema, other, seed) => {
      // A value of another schema is mostly invalid, one of its own valid; both spelled as Python does.
      for (const from of [schema, other]) {
        const text = writeAtRandom(from, seed);
        if (text === undefined) continue;
        const value: unknown = JSON.parse(text);
        const isValid = compileSchema(schema, { isChecked: false })(value) === undefined;
        verdicts[isValid ? "valid" : "invalid"]++;
        const spelled = JSON.stringify(value);
        if (isValid && /\de[+-]|\d{21}/.test(spelled)) continue; // longer numbers than may be written
        expect(accepts(schema, spelled), spelled).toBe(isValid);
      }
    }),
    { numRuns: 200 },
  );
  expect(verdicts.valid).toBeGreaterThan(60);
  expect(verdicts.invalid).toBeGreaterThan(40);
}, 120_000);
