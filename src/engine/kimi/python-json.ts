/**
 * JSON as Python writes it. K2's template and tokenizer are Python, so the exact prompt depends on
 * how `json.dumps` spells numbers, orders keys and spaces separators (k2-facts §2.5).
 */

/** `JSON.parse` that remembers how numbers were spelled where JavaScript would spell them otherwise. */
export function parseKeepingNumbers(text: string): unknown {
  // The third argument (source text access) is in Node 22; TypeScript's library does not know it yet.
  const reviver = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value !== "number" || context?.source === undefined) return value;
    const spelled = pythonNumber(context.source, value);
    return spelled === String(value) ? value : rawJson(spelled);
  };
  return JSON.parse(text, reviver);
}

function pythonNumber(source: string, value: number): string {
  if (/^-?\d+$/.test(source)) return source === "-0" ? "0" : source;
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return pythonFloat(value);
}

/** `repr(float)`: the shortest digits that round-trip, with an exponent outside 1e-4 … 1e16. */
function pythonFloat(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    const digits = String(Math.abs(exponent)).padStart(2, "0");
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
  }
  const plain =
    exponent < 0
      ? value.toFixed(mantissa.replace(/[-.]/g, "").length - 1 - exponent)
      : String(value);
  return plain.includes(".") ? plain : `${plain}.0`;
}

interface RawJson {
  readonly rawJSON: string;
}

const json = JSON as unknown as {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
};

function rawJson(text: string): unknown {
  return /^-?[\d.]/.test(text) ? json.rawJSON(text) : Number(text);
}

interface Style {
  readonly sortKeys: boolean;
  readonly comma: string;
  readonly colon: string;
}

/** Keys sorted by code point, `,` and `:` without spaces: how K2 is shown its tools. */
export function writeSortedJson(value: unknown): string {
  return write(value, { sortKeys: true, comma: ",", colon: ":" });
}

/** Keys in the given order, `, ` and `: `: Jinja's `tojson`, for arguments given as an object. */
export function writeSpacedJson(value: unknown): string {
  return write(value, { sortKeys: false, comma: ", ", colon: ": " });
}

function write(value: unknown, style: Style): string {
  if (Array.isArray(value)) return `[${value.map((item) => write(item, style)).join(style.comma)}]`;
  if (typeof value !== "object" || value === null || json.isRawJSON(value)) {
    return Number.isFinite(value) || typeof value !== "number"
      ? JSON.stringify(value)
      : String(value);
  }
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  if (style.sortKeys) entries.sort(([left], [right]) => compareCodePoints(left, right));
  const members = entries.map(
    ([key, member]) => JSON.stringify(key) + style.colon + write(member, style),
  );
  return `{${members.join(style.comma)}}`;
}

/** UTF-16 order differs from code point order only between surrogates and U+E000 … U+FFFF. */
function compareCodePoints(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a === b) continue;
    const aHigh = a >= 0xd800 && a <= 0xdfff;
    const bHigh = b >= 0xd800 && b <= 0xdfff;
    return aHigh === bHigh ? a - b : aHigh ? 1 : -1;
  }
  return left.length - right.length;
}
