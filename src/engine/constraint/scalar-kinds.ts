import { numberRange } from "./number-range.ts";
import { patternText } from "./pattern-states.ts";
import { UnsupportedPattern } from "./pattern-syntax.ts";
import type { PlainSchemas } from "./schema-alternatives.ts";
import type { Kind } from "./shape.ts";
import { acceptsText, boundedText, oneOfWords, type TextState } from "./text-states.ts";

/** The values of a keyword that are numbers. */
export function numbersOf(schemas: PlainSchemas, keyword: string): number[] {
  return schemas.map((schema) => schema[keyword]).filter((value) => typeof value === "number");
}

/** Numbers; `listed` are those of `enum` and `const`. */
export function numberKinds(schemas: PlainSchemas, listed: readonly number[] | undefined): Kind[] {
  const multiples = numbersOf(schemas, "multipleOf").filter(
    (value) => Number.isSafeInteger(value) && value > 0,
  );
  const bounds = {
    isInteger: schemas.some(({ type }) => {
      const names = new Set([type].flat());
      return names.has("integer") && !names.has("number");
    }),
    least: Math.max(
      ...numbersOf(schemas, "minimum"),
      ...numbersOf(schemas, "exclusiveMinimum").map(nextDouble),
    ),
    most: Math.min(
      ...numbersOf(schemas, "maximum"),
      ...numbersOf(schemas, "exclusiveMaximum").map((value) => -nextDouble(-value)),
    ),
    ...(multiples.length === 0 ? {} : { multipleOf: multiples.reduce(leastCommonMultiple) }),
  };
  if (listed) {
    return listed
      .filter((value) => value >= bounds.least && value <= bounds.most)
      .filter((value) => !bounds.isInteger || Number.isInteger(value))
      .filter((value) => multiples.every((multiple) => value % multiple === 0))
      .map((value) => ({ type: "literal", text: JSON.stringify(value) }));
  }
  const range = numberRange(bounds);
  return range ? [{ type: "number", range }] : [];
}

function leastCommonMultiple(a: number, b: number): number {
  let [big, small] = [a, b];
  while (small > 0) [big, small] = [small, big % small];
  return (a / big) * b;
}

/** The least double that is greater. */
function nextDouble(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + (value > 0 ? 1n : -1n));
  return view.getFloat64(0);
}

/** Strings; `listed` are those of `enum` and `const`. */
export function stringKinds(schemas: PlainSchemas, listed: readonly string[] | undefined): Kind[] {
  const patterns = schemas.map(({ pattern }) => pattern).filter((text) => typeof text === "string");
  const least = Math.max(0, ...numbersOf(schemas, "minLength"));
  const most = Math.min(Number.POSITIVE_INFINITY, ...numbersOf(schemas, "maxLength"));
  if (least > most) return [];
  if (listed) {
    const words = listed.filter(
      (word) =>
        acceptsText(boundedText(least, most), word) &&
        word.isWellFormed() &&
        patterns.every((pattern) => isFound(pattern, word)),
    );
    return words.length === 0 ? [] : [{ type: "string", text: oneOfWords(words) }];
  }
  const text = textOf({ pattern: patterns[0], least, most });
  return text ? [{ type: "string", text }] : [];
}

/** Whether ECMAScript finds a pattern in a text; a pattern that it does not know is found. */
export function isFound(pattern: string, word: string): boolean {
  try {
    return new RegExp(pattern, "u").test(word);
  } catch {
    return true;
  }
}

function textOf({
  pattern,
  least,
  most,
}: {
  readonly pattern: string | undefined;
  readonly least: number;
  readonly most: number;
}): TextState | undefined {
  if (pattern === undefined) return boundedText(least, most);
  try {
    return patternText({ pattern, least, most });
  } catch (cause) {
    if (cause instanceof UnsupportedPattern) return boundedText(least, most);
    throw cause;
  }
}
