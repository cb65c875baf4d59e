/** What is wrong with a flag's value. */
import type { Flag, ValueType } from "./engine-flags.ts";

const wholeNumber = /^[+-]?\d+(_\d+)*$/;

const shapes: Readonly<Record<ValueType, { is: (value: string) => boolean; called: string }>> = {
  text: { is: () => true, called: "text" },
  int: { is: (value) => wholeNumber.test(value), called: "a whole number" },
  float: { is: isFloat, called: "a number" },
  size: {
    is: (value) => value === "auto" || /^[+-]?(\d+|\d+(\.\d+)?[kmgt]|\d+[KMGT])$/.test(value),
    called: "a whole number or one such as 128k",
  },
  json: { is: isJson, called: "JSON" },
};

/** The end of a sentence that begins with the flag, or undefined. */
export function problemOfValue(flag: Flag, value: string): string | undefined {
  const { choices, type = "text" } = flag;
  if (choices !== undefined)
    return choices.includes(value) ? undefined : `is none of ${choices.join(", ")}: ${value}`;
  const shape = shapes[type];
  return shape.is(value) ? undefined : `needs ${shape.called}, not ${value}`;
}

/** As Python's `float` reads it. */
function isFloat(value: string): boolean {
  return /^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?|nan)$/i.test(value);
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}
