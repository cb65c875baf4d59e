import type { JsonSchema } from "../../message.ts";
import type { Schema } from "./read-schema.ts";

/** Without its logic: of these schemas only the keywords count that say something of the value itself. */
export type PlainSchemas = readonly Readonly<Record<string, unknown>>[];

const mostAlternatives = 64;

/**
 * The ways to satisfy all of some schemas, with references followed and `allOf`, `anyOf` and
 * `oneOf` taken apart; none if they can't be satisfied.
 */
export function alternativesOf(
  schemas: readonly Schema[],
  root: JsonSchema,
  known: ReadonlySet<Schema> = new Set(),
): PlainSchemas[] {
  const plain = new Set<Readonly<Record<string, unknown>>>();
  const choices: (readonly Schema[])[] = [];
  const waiting = [...schemas];
  for (const schema of waiting) {
    if (schema === false) return [];
    if (schema === true || plain.has(schema) || known.has(schema)) continue;
    plain.add(schema);
    if (typeof schema["$ref"] === "string") waiting.push(resolve(schema["$ref"], root));
    waiting.push(...schemasIn(schema["allOf"]));
    for (const keyword of ["anyOf", "oneOf"]) {
      const branches = schemasIn(schema[keyword]);
      if (branches.length > 0) choices.push(branches);
    }
  }
  let ways: (readonly Schema[])[] = [[]];
  for (const branches of choices) {
    // What would be too much is left out: more is let through, never less.
    if (ways.length * branches.length > mostAlternatives) continue;
    ways = ways.flatMap((way) => branches.map((branch) => [...way, branch]));
  }
  if (choices.length === 0) return [[...plain]];
  const taken = new Set([...known, ...plain]);
  return ways.flatMap((way) =>
    alternativesOf(way, root, taken).map((inner) => [...new Set([...plain, ...inner])]),
  );
}

export function schemasIn(value: unknown): Schema[] {
  return Array.isArray(value) ? value.map(asSchema) : [];
}

export function asSchema(value: unknown): Schema {
  if (typeof value === "boolean") return value;
  return isRecord(value) ? value : true;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON pointer into the schema, or an anchor's name; anything is allowed where it leads elsewhere. */
function resolve(reference: string, root: JsonSchema): Schema {
  if (reference === "#") return root;
  if (!reference.startsWith("#/")) return anchored(reference, root) ?? true;
  let value: unknown = root;
  for (const part of reference.slice(2).split("/")) {
    const name = unescapePart(part);
    value =
      isRecord(value) || Array.isArray(value)
        ? (value as Record<string, unknown>)[name]
        : undefined;
  }
  return asSchema(value);
}

function unescapePart(part: string): string {
  const plain = part.replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}

function anchored(reference: string, root: JsonSchema): Schema | undefined {
  const definitions = { ...(root["definitions"] as object), ...(root["$defs"] as object) };
  return Object.values(definitions)
    .filter(isRecord)
    .find((schema) => `#${String(schema["$anchor"])}` === reference || schema["$id"] === reference);
}
