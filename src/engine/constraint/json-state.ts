import { anyOf, blanks, exactly, meeting, type ByteState } from "./byte-state.ts";
import { numberState } from "./number-state.ts";
import { insideObject } from "./object-state.ts";
import type { ArrayKind, Kind, Shape } from "./shape.ts";
import { stringState } from "./string-state.ts";

/**
 * A JSON value of a shape, with white space around it, then `then`. Properties come in any order and
 * none twice; numbers and white space are bounded, so that only strings, lists and objects can go on.
 */
export function jsonValue(shape: Shape, then: ByteState): ByteState {
  const after = meeting(blanks(then));
  return blanks({
    canEnd: false,
    next: (byte) => anyOf(shape.kinds.map((kind) => firstByte(kind, byte, after))),
  });
}

function firstByte(kind: Kind, byte: number, after: ByteState): ByteState | undefined {
  switch (kind.type) {
    case "literal":
      return exactly(kind.text, 0, after).next(byte);
    case "string":
      return byte === 0x22
        ? stringState(kind.text, ({ isComplete }) => (isComplete ? after : undefined))
        : undefined;
    case "number":
      return numberState(kind.range, after).next(byte);
    case "array":
      return byte === 0x5b ? insideArray(kind, after) : undefined;
    case "object":
      return byte === 0x7b ? insideObject({ kind, after, valueOf: jsonValue }) : undefined;
    default:
      return kind satisfies never;
  }
}

function insideArray(kind: ArrayKind, then: ByteState): ByteState {
  const first = kind.most > 0 ? item(kind, 0, then) : undefined;
  return blanks({
    canEnd: false,
    next: (byte) => (byte === 0x5d && kind.least === 0 ? then : first?.next(byte)),
  });
}

function item(kind: ArrayKind, index: number, then: ByteState): ByteState {
  const count = index + 1;
  const afterItem: ByteState = {
    canEnd: false,
    next: (byte) => {
      if (byte === 0x5d) return count >= kind.least ? then : undefined;
      return byte === 0x2c && count < kind.most ? item(kind, count, then) : undefined;
    },
  };
  return jsonValue(kind.first[index] ?? kind.rest, afterItem);
}
