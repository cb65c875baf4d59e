import type { ByteState } from "./byte-state.ts";
import type { TextState } from "./text-states.ts";

/** What follows the closing quote of a text; `undefined` if the text can't end so. */
type Close<T extends TextState> = (text: T) => ByteState | undefined;

/** What the second byte of an escape stands for; `\u` apart. */
const escapes: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': 0x22, "\\": 0x5c, "/": 0x2f, b: 8, f: 12, n: 10, r: 13, t: 9 }).map(
    ([char, codePoint]) => [char.charCodeAt(0), codePoint],
  ),
);

/**
 * The inside of a JSON string: valid UTF-8 and all of JSON's escapes, but no half of a surrogate
 * pair alone. A character that is only begun is a range of code points, of which one must fit.
 */
export function stringState<T extends TextState>(text: T, close: Close<T>): ByteState {
  const inside: ByteState = {
    canEnd: false,
    next: (byte) => {
      if (byte === 0x22) return close(text);
      if (byte === 0x5c) return canEscapeFollow(text) ? escape({ text, close }) : undefined;
      if (byte < 0x20) return undefined;
      if (byte >= 0x80) return leadByte({ text, close, inside }, byte);
      const next = text.next(byte) as T | undefined;
      if (next === text) return inside;
      return next && stringState(next, close);
    },
  };
  return inside;
}

interface Place<T extends TextState> {
  readonly text: T;
  readonly close: Close<T>;
  /** The state itself, for texts that do not change. */
  readonly inside?: ByteState;
}

function add<T extends TextState>(
  { text, close, inside }: Place<T>,
  codePoint: number,
): ByteState | undefined {
  const next = text.next(codePoint) as T | undefined;
  if (inside && next === text) return inside;
  return next && stringState(next, close);
}

function escape<T extends TextState>(at: Place<T>): ByteState {
  return {
    canEnd: false,
    next: (byte) => {
      const codePoint = escapes.get(byte);
      if (codePoint !== undefined) return add(at, codePoint);
      return byte === 0x75 && isPossible(at.text, unread) ? hexDigits(at, unread) : undefined;
    },
  };
}

interface Unit {
  readonly value: number;
  /** Digits to come. */
  readonly left: number;
  /** The first half of a surrogate pair. */
  readonly high?: number;
}

const unread: Unit = { value: 0, left: 4 };

function hexDigits<T extends TextState>(at: Place<T>, unit: Unit): ByteState {
  return {
    canEnd: false,
    next: (byte) => {
      const digit = Number.parseInt(String.fromCharCode(byte), 16);
      if (Number.isNaN(digit)) return undefined;
      const more = { ...unit, value: unit.value * 16 + digit, left: unit.left - 1 };
      if (!isPossible(at.text, more)) return undefined;
      if (more.left > 0) return hexDigits(at, more);
      if (more.high !== undefined) return add(at, joined(more.high, more.value));
      if (more.value < 0xd800 || more.value > 0xdfff) return add(at, more.value);
      return secondHalf(at, more.value);
    },
  };
}

function secondHalf<T extends TextState>(at: Place<T>, high: number): ByteState {
  const u: ByteState = {
    canEnd: false,
    next: (byte) => (byte === 0x75 ? hexDigits(at, { ...unread, high }) : undefined),
  };
  return { canEnd: false, next: (byte) => (byte === 0x5c ? u : undefined) };
}

/** Whether some unit that begins with these digits is a character, or half of one, that may follow. */
function isPossible(text: TextState, { value, left, high }: Unit): boolean {
  const low = value * 16 ** left;
  const top = low + 16 ** left - 1;
  const [first, last] = high === undefined ? [0xd800, 0xdbff] : [0xdc00, 0xdfff];
  const [from, to] = [Math.max(low, first), Math.min(top, last)];
  if (high !== undefined) return from <= to && text.canFollow(joined(high, from), joined(high, to));
  if (from <= to && text.canFollow(joined(from, 0xdc00), joined(to, 0xdfff))) return true;
  if (!text.isPlain) return canCharacterFollow(text, low, top);
  return (
    (low < 0x20 && text.canFollow(low, Math.min(top, 0x1f))) ||
    (top > 0x7e && canCharacterFollow(text, Math.max(low, 0x7f), top))
  );
}

function canEscapeFollow(text: TextState): boolean {
  if (escapes.values().some((codePoint) => text.canFollow(codePoint, codePoint))) return true;
  return isPossible(text, unread);
}

function canCharacterFollow(text: TextState, low: number, top: number): boolean {
  return (
    (low < 0xd800 && text.canFollow(low, Math.min(top, 0xd7ff))) ||
    (top > 0xdfff && text.canFollow(Math.max(low, 0xe000), top))
  );
}

function joined(high: number, low: number): number {
  return 0x10000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
}

/** Least code point of each length in UTF-8: what is shorter must be written shorter. */
const leastOfLength = [0, 0, 0x80, 0x800, 0x10000];

function leadByte<T extends TextState>(at: Place<T>, byte: number): ByteState | undefined {
  const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
  if (byte < 0xc2 || byte > 0xf4) return undefined;
  const least = leastOfLength[length] ?? 0;
  return continuation(at, { value: byte & (0xff >> (length + 1)), left: length - 1, least });
}

function continuation<T extends TextState>(
  at: Place<T>,
  { value, left, least }: { readonly value: number; readonly left: number; readonly least: number },
): ByteState | undefined {
  const low = Math.max(value * 64 ** left, least);
  const top = Math.min((value + 1) * 64 ** left - 1, 0x10ffff);
  if (low > top || !canCharacterFollow(at.text, low, top)) return undefined;
  if (left === 0) return add(at, value);
  return {
    canEnd: false,
    next: (byte) =>
      byte >> 6 === 0b10
        ? continuation(at, { value: value * 64 + (byte & 63), left: left - 1, least })
        : undefined,
  };
}
