import type { Schema, ShapeOf } from "./read-schema.ts";
import { asSchema, isRecord, schemasIn, type PlainSchemas } from "./schema-alternatives.ts";
import type { Kind, Property } from "./shape.ts";
import { isFound, numberKinds, numbersOf, stringKinds } from "./scalar-kinds.ts";

const typeNames = ["object", "array", "string", "number", "boolean", "null"] as const;
type TypeName = (typeof typeNames)[number];

/** The kinds of values that satisfy the plain keywords of all these schemas. */
export function kindsOf(schemas: PlainSchemas, shapeOf: ShapeOf): Kind[] {
  const values = listedValues(schemas);
  return typeNames.flatMap((type) => {
    if (!schemas.every((schema) => isAllowed(schema, type))) return [];
    const listed = values?.filter((value) => typeOf(value) === type);
    if (listed?.length === 0) return [];
    switch (type) {
      case "null":
        return [{ type: "literal", text: "null" }];
      case "boolean":
        return (listed ?? [true, false]).map((value) => ({ type: "literal", text: String(value) }));
      case "number":
        return numberKinds(schemas, listed as number[] | undefined);
      case "string":
        return stringKinds(schemas, listed as string[] | undefined);
      case "array":
        return listed
          ? listed.flatMap((value) => valueKinds(value, shapeOf))
          : arrayKinds(schemas, shapeOf);
      case "object":
        return listed
          ? listed.flatMap((value) => valueKinds(value, shapeOf))
          : objectKinds(schemas, shapeOf);
      default:
        return type satisfies never;
    }
  });
}

function isAllowed(schema: Readonly<Record<string, unknown>>, type: TypeName): boolean {
  const allowed = schema["type"];
  if (allowed === undefined) return true;
  const names = new Set<unknown>([allowed].flat());
  return names.has(type) || (type === "number" && names.has("integer"));
}

function typeOf(value: unknown): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as TypeName;
}

/** Values that every `enum` and `const` lists; `undefined` if there is none of these keywords. */
function listedValues(schemas: PlainSchemas): unknown[] | undefined {
  const lists = schemas.flatMap((schema) => [
    ...(Array.isArray(schema["enum"]) ? [schema["enum"] as unknown[]] : []),
    ...("const" in schema ? [[schema["const"]]] : []),
  ]);
  const [first, ...others] = lists;
  const otherLists = others.map((list) => new Set(list.map(canonical)));
  return first?.filter((value) => otherLists.every((list) => list.has(canonical(value))));
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isRecord(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function arrayKinds(schemas: PlainSchemas, shapeOf: ShapeOf): Kind[] {
  const lists = schemas.map(itemsOf);
  const length = Math.max(0, ...lists.map(({ first }) => first.length));
  const first = Array.from({ length }, (_, index) =>
    shapeOf(lists.map((list) => list.first[index] ?? list.rest)),
  );
  const rest = shapeOf(lists.map((list) => list.rest));
  const impossible = first.findIndex(({ kinds }) => kinds.length === 0);
  const least = Math.max(0, ...numbersOf(schemas, "minItems"));
  const most = Math.min(
    ...numbersOf(schemas, "maxItems"),
    impossible === -1 ? Number.POSITIVE_INFINITY : impossible,
    rest.kinds.length === 0 ? length : Number.POSITIVE_INFINITY,
  );
  return least <= most ? [{ type: "array", first, rest, least, most }] : [];
}

/** Both ways to write tuples: `prefixItems` and `items`, or a list of `items` and `additionalItems`. */
function itemsOf(schema: Readonly<Record<string, unknown>>): {
  readonly first: readonly Schema[];
  readonly rest: Schema;
} {
  if (Array.isArray(schema["items"])) {
    return { first: schemasIn(schema["items"]), rest: asSchema(schema["additionalItems"]) };
  }
  return { first: schemasIn(schema["prefixItems"]), rest: asSchema(schema["items"]) };
}

function objectKinds(schemas: PlainSchemas, shapeOf: ShapeOf): Kind[] {
  const required = new Set(
    schemas.flatMap((schema) => [schema["required"] ?? []].flat().map(String)),
  );
  const names = new Set([
    ...schemas.flatMap((schema) => Object.keys(recordOf(schema["properties"]))),
    ...required,
  ]);
  const properties = new Map<string, Property>();
  for (const name of names) {
    const shape = shapeOf(schemas.flatMap((schema) => schemasOfProperty(schema, name)));
    const isRequired = required.has(name);
    if (isRequired && shape.kinds.length === 0) return [];
    properties.set(name, { shape, isRequired });
  }
  const others = shapeOf(schemas.map(schemaOfOthers));
  const hasOthers = others.kinds.length > 0;
  const least = Math.max(0, ...numbersOf(schemas, "minProperties"));
  const most = Math.min(Number.POSITIVE_INFINITY, ...numbersOf(schemas, "maxProperties"));
  const possible = [...properties.values()].filter(({ shape }) => shape.kinds.length > 0).length;
  if (required.size > most || least > most || (!hasOthers && least > possible)) return [];
  return [{ type: "object", properties, least, most, ...(hasOthers ? { others } : {}) }];
}

function schemasOfProperty(schema: Readonly<Record<string, unknown>>, name: string): Schema[] {
  const declared = recordOf(schema["properties"]);
  const found = Object.hasOwn(declared, name) ? [asSchema(declared[name])] : [];
  for (const [pattern, value] of Object.entries(recordOf(schema["patternProperties"]))) {
    if (isFound(pattern, name)) found.push(asSchema(value));
  }
  return found.length > 0 ? found : [asSchema(schema["additionalProperties"])];
}

function schemaOfOthers(schema: Readonly<Record<string, unknown>>): Schema {
  const isAnyName = Object.keys(recordOf(schema["patternProperties"])).length > 0;
  return isAnyName ? true : asSchema(schema["additionalProperties"]);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

/** A listed array or object: the shape that only it has, with its properties in any order. */
function valueKinds(value: unknown, shapeOf: ShapeOf): readonly Kind[] {
  return shapeOf([schemaOfValue(value)]).kinds;
}

function schemaOfValue(value: unknown): Schema {
  if (Array.isArray(value)) {
    return {
      type: "array",
      prefixItems: value.map(schemaOfValue),
      items: false,
      minItems: value.length,
    };
  }
  if (!isRecord(value)) return { const: value };
  return {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, schemaOfValue(inner)]),
    ),
    required: Object.keys(value),
    additionalProperties: false,
  };
}
