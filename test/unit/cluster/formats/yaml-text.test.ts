import * as fc from "../../../support/fast-check.ts";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { yamlText } from "../../../../src/cluster/formats/yaml-text.ts";

const text = fc
  .oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(..."0123456789abcdefxo_.:+-eEyYnN~ #'\"\n") }),
  )
  .filter((one) => one.isWellFormed());

test("every string is read as a string by YAML 1.1 and 1.2", () => {
  fc.assert(
    fc.property(fc.array(text), (values) => {
      const written = yamlText({ values });
      expect(parse(written)).toEqual({ values });
      expect(parse(written, { version: "1.1" })).toEqual({ values });
    }),
    { numRuns: 300 },
  );
});

test("flags and paths stay bare, numbers and truth values are quoted", () => {
  expect(yamlText(["--port", "8000", "/models/K2", "--decode", "-c", "on", "12:30", "1_000"])).toBe(
    `- --port
- "8000"
- /models/K2
- --decode
- -c
- "on"
- "12:30"
- "1_000"
`,
  );
});

test("a value that stands twice is written twice", () => {
  const shared = { a: 1 };
  expect(yamlText([shared, shared])).toBe("- a: 1\n- a: 1\n");
});
