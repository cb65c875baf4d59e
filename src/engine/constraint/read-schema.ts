import type { JsonSchema } from "../../message.ts";
import { kindsOf } from "./schema-kinds.ts";
import { alternativesOf } from "./schema-alternatives.ts";
import type { Kind, Shape } from "./shape.ts";

/** A schema as JSON has it; whatever is neither is read as `true`. */
export type Schema = boolean | Readonly<Record<string, unknown>>;

/** The shape of values that satisfy all of these schemas. */
export type ShapeOf = (schemas: readonly Schema[]) => Shape;

/**
 * What a JSON Schema (2020-12, and draft 7 where they agree) allows. Understood: `type`, `enum`,
 * `const`, `properties`, `required`, `additionalProperties`, `minProperties`, `maxProperties`,
 * `items`, `prefixItems`, `additionalItems`, `minItems`, `maxItems`, `minLength`, `maxLength`,
 * `pattern` (without look-around, references, `\b`, `\p` and anchors within), `minimum`, `maximum`,
 * `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf` (whole numbers), `$ref` within the schema,
 * `allOf`, `anyOf`, and `oneOf` as `anyOf`.
 *
 * All else lets more through than the schema does, so that a value must still be checked: `not`,
 * `if`, `contains`, `uniqueItems`, `dependent…`, `unevaluated…`, `propertyNames`,
 * `patternProperties` for names that are not declared, a second `pattern` of the same string,
 * `$dynamicRef`, references to elsewhere, and more than 64 alternatives. `format` is not checked anywhere.
 */
export function readSchema(root: JsonSchema): ShapeOf {
  const numbers = new Map<Schema, number>();
  const shapes = new Map<string, Shape>();
  const numberOf = (schema: Schema): number => {
    const known = numbers.get(schema) ?? numbers.size;
    numbers.set(schema, known);
    return known;
  };
  const shapeOf: ShapeOf = (schemas) => {
    const distinct = [...new Set(schemas)];
    const key = distinct
      .map(numberOf)
      .toSorted((a, b) => a - b)
      .join(" ");
    const known = shapes.get(key);
    if (known) return known;
    const shape = new LazyShape(() =>
      alternativesOf(distinct, root).flatMap((all) => kindsOf(all, shapeOf)),
    );
    shapes.set(key, shape);
    return shape;
  };
  return shapeOf;
}

class LazyShape implements Shape {
  #kinds: readonly Kind[] | undefined;
  #isBeingRead = false;
  readonly #read: () => readonly Kind[];

  constructor(read: () => readonly Kind[]) {
    this.#read = read;
  }

  get kinds(): readonly Kind[] {
    if (this.#kinds) return this.#kinds;
    if (this.#isBeingRead) return unknownYet;
    this.#isBeingRead = true;
    try {
      return (this.#kinds = this.#read());
    } finally {
      this.#isBeingRead = false;
    }
  }
}

/** A shape that contains itself asks whether it is possible: it counts as possible. */
const unknownYet: readonly Kind[] = [{ type: "literal", text: "null" }];
