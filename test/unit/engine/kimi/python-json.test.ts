import { expect, test } from "vitest";
import {
  parseKeepingNumbers,
  writeSortedJson,
  writeSpacedJson,
} from "../../../../src/engine/kimi/python-json.ts";

// Each right side is what Python 3.11's json.dumps(json.loads(left), ensure_ascii=False) prints.
test.each([
  ["1.0", "1.0"],
  ["1", "1"],
  ["-0", "0"],
  ["-0.0", "-0.0"],
  ["0.10", "0.1"],
  ["1e5", "100000.0"],
  ["1E-5", "1e-05"],
  ["0.0001", "0.0001"],
  ["0.00012", "0.00012"],
  ["1e16", "1e+16"],
  ["123456789012345.5", "123456789012345.5"],
  ["1e15", "1000000000000000.0"],
  ["12345678901234567890123", "12345678901234567890123"],
  ["1.5e300", "1.5e+300"],
  ["2.5e-7", "2.5e-07"],
  ["1e400", "Infinity"],
])("the number %s is spelled %s", (source, python) => {
  expect(writeSpacedJson(parseKeepingNumbers(source))).toBe(python);
});

test("keys are sorted by code point, also those that look like numbers", () => {
  const text = '{"b":1,"a":{"10":1,"9":2},"\u{1f600}":1,"\uffff":2,"B":[{"z":1,"y":2}]}';
  expect(writeSortedJson(parseKeepingNumbers(text))).toBe(
    '{"B":[{"y":2,"z":1}],"a":{"10":1,"9":2},"b":1,"\uffff":2,"\u{1f600}":1}',
  );
});

test("tojson keeps the order and puts spaces after separators", () => {
  expect(writeSpacedJson(parseKeepingNumbers('{"b":[1,2.0],"a":"ü<"}'))).toBe(
    '{"b": [1, 2.0], "a": "ü<"}',
  );
});
