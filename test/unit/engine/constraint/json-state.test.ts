import { describe, expect, test } from "vitest";
import { accepts, startOf } from "./schemas.ts";

const anything = {};
const strings = { type: "string" };

test.each([
  '{"city": "Beijing"}',
  '{"a":{"b":[1,-2.5e-3,true,false,null,""]}}',
  '{\n  "a": [\n    1,\n    2\n  ]\n}',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00é😀"',
  "[]",
  "{}",
  "0",
  "-0.50",
])("%s is JSON", (text) => {
  expect(accepts(anything, text)).toBe(true);
});

test.each([
  "",
  "{",
  "{,}",
  '{"a"}',
  '{"a": 1,}',
  "[1,]",
  "[1 2]",
  "01",
  "1.",
  ".5",
  "+1",
  "1e",
  "NaN",
  "tru",
  "'a'",
  '"a',
  '"\n"',
  '"\\x"',
  '"\\u12g4"',
  '"\\ud83d"',
  '"\\ude00"',
  '"\\ud83d\\u0041"',
])("%j is not", (text) => {
  expect(accepts(anything, text)).toBe(false);
});

test("no property comes twice, not even one that is not declared", () => {
  expect(accepts(anything, '{"a": 1, "b": 1}')).toBe(true);
  expect(accepts(anything, '{"a": 1, "a": 1}')).toBe(false);
  expect(accepts(anything, '{"a": 1, "\\u0061": 1}')).toBe(false);
});

test("properties come in any order", () => {
  const schema = {
    properties: { a: {}, b: {}, c: {} },
    required: ["a", "c"],
    additionalProperties: false,
  };
  expect(accepts(schema, '{"c": 1, "a": 2}')).toBe(true);
  expect(accepts(schema, '{"b": 1, "c": 1, "a": 2}')).toBe(true);
  expect(accepts(schema, '{"b": 1, "c": 1}')).toBe(false);
});

test("text is valid UTF-8, cut anywhere", () => {
  const bytes = (list: readonly number[]): boolean => {
    let state = startOf(strings) as ReturnType<typeof startOf> | undefined;
    for (const byte of [0x22, ...list, 0x22]) state = state?.next(byte);
    return state?.canEnd === true;
  };
  expect(bytes([0xe5, 0x8c, 0x97])).toBe(true); // 北
  expect(bytes([0xf0, 0x9f, 0x98, 0x80])).toBe(true); // 😀
  expect(bytes([0xe5, 0x8c])).toBe(false); // cut short
  expect(bytes([0x80])).toBe(false); // no beginning
  expect(bytes([0xc0, 0xa2])).toBe(false); // a quote, longer than need be
  expect(bytes([0xe0, 0x82, 0xa9])).toBe(false);
  expect(bytes([0xed, 0xa0, 0xbd])).toBe(false); // half a surrogate pair
  expect(bytes([0xf4, 0x90, 0x80, 0x80])).toBe(false); // beyond Unicode
  expect(bytes([0xff])).toBe(false);
});

test("white space and numbers end, whatever a model would like to go on with", () => {
  const follow = (start: string, more: string): number => {
    let state = startOf(anything) as ReturnType<typeof startOf> | undefined;
    for (const byte of new TextEncoder().encode(start)) state = state?.next(byte);
    let count = 0;
    for (; state && count < 1_000; count++) state = state.next(more.charCodeAt(0));
    return count;
  };
  for (const start of ["", "{", '{"a"', '{"a":', '{"a": 1', '{"a": 1,', "[", "[1,"])
    expect(follow(start, " "), start).toBeLessThan(50);
  for (const start of ["1", "[1", "1.5", "1e1"]) expect(follow(start, "7"), start).toBeLessThan(50);
  expect(JSON.parse("9".repeat(20) + "e99")).toBeLessThan(Number.MAX_VALUE);
});

test("listed words and names are written as they are; other strings may be escaped as they like", () => {
  const schema = {
    properties: { a: { enum: ["é\n", "x"] } },
    required: ["a"],
    additionalProperties: false,
  };
  expect(accepts(schema, '{"a": "\\u00e9\\u000a"}')).toBe(true);
  expect(accepts(schema, '{"a": "é\\n"}')).toBe(true);
  expect(accepts(schema, '{"a": "\\u0078"}')).toBe(false);
  expect(accepts(schema, '{"\\u0061": "x"}')).toBe(false);
  expect(accepts(strings, '"\\u003cb\\u003e"')).toBe(true);
});

describe("references", () => {
  const list = {
    $ref: "#/$defs/list",
    $defs: {
      list: {
        type: "object",
        properties: { next: { $ref: "#/$defs/list" } },
        additionalProperties: false,
      },
    },
  };

  test("that contain themselves go as deep as they like", () => {
    expect(accepts(list, '{"next": {"next": {}}}')).toBe(true);
    expect(accepts(list, '{"next": {"next": 1}}')).toBe(false);
  });

  test("by name and by escaped pointer are followed, others allow anything", () => {
    const named = { $ref: "#n", $defs: { x: { $anchor: "n", type: "null" } } };
    expect([accepts(named, "null"), accepts(named, "1")]).toEqual([true, false]);
    const escaped = { $ref: "#/$defs/a~1b%20c", $defs: { "a/b c": { type: "null" } } };
    expect([accepts(escaped, "null"), accepts(escaped, "1")]).toEqual([true, false]);
    expect(accepts({ $ref: "https://example.org/x" }, "1")).toBe(true);
  });

  test("that lead only to themselves end", () => {
    expect(accepts({ $ref: "#" }, "1")).toBe(true);
    expect(accepts({ anyOf: [{ $ref: "#" }, { type: "null" }] }, "null")).toBe(true);
  });
});

test("alternatives that meet again do not multiply", () => {
  const schema = {
    type: "array",
    items: { anyOf: [{ type: "integer" }, { type: "number" }, { enum: [1] }] },
  };
  expect(accepts(schema, `[${Array(3_000).fill("1").join(", ")}]`)).toBe(true);
});

test("a keyword that is not understood lets more through, never less", () => {
  const schema = { type: "array", uniqueItems: true, contains: { const: 1 }, not: { maxItems: 1 } };
  expect(accepts(schema, "[1, 2]")).toBe(true);
  expect(accepts(schema, "[2, 2]")).toBe(true);
  for (const pattern of ["^(?=a)a$", "(a)\\1", "\\bx", "\\p{Lu}", "a{"])
    expect(accepts({ type: "string", pattern, maxLength: 3 }, '"x"'), pattern).toBe(true);
});

test("a pattern that no text of the length has is impossible, and so is what requires it", () => {
  const schema = { type: "string", pattern: "^(ab)+$", minLength: 3, maxLength: 3 };
  expect(startOf(schema).next(0x22)).toBeUndefined();
  const either = { anyOf: [schema, { type: "null" }] };
  expect(accepts(either, "null")).toBe(true);
});
