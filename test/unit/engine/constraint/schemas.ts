/** Schemas that make it hard, and random walks through what they allow. */
import * as fc from "../../../support/fast-check.ts";
import { anyOf, atEnd, type ByteState } from "../../../../src/engine/constraint/byte-state.ts";
import { jsonValue } from "../../../../src/engine/constraint/json-state.ts";
import { readSchema } from "../../../../src/engine/constraint/read-schema.ts";
import type { JsonSchema } from "../../../../src/message.ts";
import { randomNumbers } from "../../../support/synthetic-tensors.ts";

export function startOf(schema: JsonSchema): ByteState {
  return jsonValue(readSchema(schema)([schema]), atEnd);
}

export function accepts(schema: JsonSchema, text: string): boolean {
  let state: ByteState | undefined = startOf(schema);
  for (const byte of new TextEncoder().encode(text)) state = state?.next(byte);
  return state?.canEnd === true;
}

/** Bytes that JSON's grammar and text are made of, those that end things more often than others. */
const likely = [
  ...new TextEncoder().encode('""""\\}]}],:0123456789.eE-{[ \ntrufalsn北é😀abcABCxyz_u'),
];

/**
 * One text that the schema allows, written by choosing allowed bytes at random; `undefined` if it
 * was not finished in time. @throws Error where no byte is allowed, which must not be.
 */
export function writeAtRandom(schema: JsonSchema, seed: number): string | undefined {
  const random = randomNumbers(seed);
  const bytes: number[] = [];
  let state = startOf(schema);
  for (let step = 0; step < 2_000; step++) {
    if (state.canEnd && random() < 0.5)
      return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
    const next = likelyByte(state, random) ?? anyByte(state, random);
    if (next === undefined) {
      if (state.canEnd)
        return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
      throw new Error(`nothing may follow ${Buffer.from(bytes).toString()}`);
    }
    bytes.push(next.byte);
    state = next.state;
  }
  return undefined;
}

type Step = { readonly byte: number; readonly state: ByteState };

function likelyByte(state: ByteState, random: () => number): Step | undefined {
  for (let tries = 0; tries < 4; tries++) {
    const byte = likely[Math.floor(random() * likely.length)] ?? 0;
    const next = state.next(byte);
    if (next) return { byte, state: next };
  }
  return undefined;
}

function anyByte(state: ByteState, random: () => number): Step | undefined {
  const steps = Array.from({ length: 256 }, (_, byte) => ({ byte, state: state.next(byte) }));
  const possible = steps.filter((step): step is Step => anyOf([step.state]) !== undefined);
  return possible[Math.floor(random() * possible.length)];
}

const words = fc.constantFrom(
  "a",
  "ab",
  "abc",
  "city",
  "城市",
  "é",
  'q"uote',
  "back\\slash",
  "",
  "😀",
);
const count = fc.integer({ min: 0, max: 4 });

const strings = fc.oneof(
  fc.record({ type: fc.constant("string") }),
  fc.record({
    type: fc.constant("string"),
    minLength: count,
    maxLength: fc.integer({ min: 4, max: 6 }),
  }),
  fc.record({ type: fc.constant("string"), enum: fc.uniqueArray(words, { minLength: 1 }) }),
  fc.record(
    {
      type: fc.constant("string"),
      pattern: fc.constantFrom(
        "^[a-c]+$",
        "x|^y$",
        "^\\d{2,3}-(?:ab|é)?$",
        "[^a]$",
        "^(a|b)*c$",
        "北.京",
      ),
      minLength: count,
      maxLength: fc.integer({ min: 6, max: 9 }),
    },
    { requiredKeys: ["type", "pattern"] },
  ),
);
const numbers = fc.record(
  {
    type: fc.constantFrom("integer", "number"),
    minimum: fc.oneof(
      fc.integer({ min: -300, max: 20 }),
      fc.double({ min: -2, max: 2, noNaN: true }),
    ),
    maximum: fc.oneof(fc.integer({ min: 30, max: 5_000 })),
    exclusiveMinimum: fc.integer({ min: -50, max: 10 }),
    exclusiveMaximum: fc.double({ min: 40, max: 1e6, noNaN: true }),
    multipleOf: fc.constantFrom(1, 3, 7),
  },
  { requiredKeys: ["type"] },
);
const values = fc.oneof(
  fc.record({
    enum: fc.array(fc.oneof(words, fc.integer(), fc.constant(null), fc.boolean()), {
      minLength: 1,
    }),
  }),
  fc.record({
    const: fc.oneof(
      words,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.dictionary(words, fc.integer()),
      fc.array(words),
    ),
  }),
  fc.record({
    type: fc.constantFrom(["string", "null"], ["integer", "boolean"], "boolean", "null"),
  }),
);

/** Schemas all of whose keywords are understood, and which something satisfies. */
export const schemas: fc.Arbitrary<JsonSchema> = fc
  .letrec<{ schema: JsonSchema }>((tie) => {
    const properties = fc.dictionary(words, tie("schema"), { maxKeys: 4 });
    const objects = fc
      .record({
        properties,
        additionalProperties: fc.option(fc.oneof(fc.boolean(), tie("schema")), { nil: undefined }),
        howMany: fc.double({ min: 0, max: 1, noNaN: true }),
        room: fc.option(count, { nil: undefined }),
      })
      .map(({ properties, additionalProperties, howMany, room }): JsonSchema => {
        const names = Object.keys(properties);
        const required = names.filter((_, index) => index < howMany * names.length);
        return {
          type: "object",
          properties,
          required,
          ...(additionalProperties === undefined ? {} : { additionalProperties }),
          ...(room === undefined ? {} : { maxProperties: required.length + room }),
        };
      });
    const arrays = fc
      .record({
        items: tie("schema"),
        prefixItems: fc.option(fc.array(tie("schema"), { minLength: 1, maxLength: 2 }), {
          nil: undefined,
        }),
        minItems: count,
        more: fc.option(count, { nil: undefined }),
      })
      .map(({ items, prefixItems, minItems, more }): JsonSchema => ({
        type: "array",
        items,
        minItems,
        ...(prefixItems ? { prefixItems } : {}),
        ...(more === undefined ? {} : { maxItems: minItems + more }),
      }));
    const choices = fc.array(tie("schema"), { minLength: 1, maxLength: 3 });
    return {
      schema: fc.oneof(
        { maxDepth: 3, depthSize: "small", withCrossShrink: true },
        strings,
        numbers,
        values,
        fc.record({ anyOf: choices }),
        arrays,
        objects,
        objects,
      ) as fc.Arbitrary<JsonSchema>,
    };
  })
  .schema.map((schema) => JSON.parse(JSON.stringify(schema)) as JsonSchema);
