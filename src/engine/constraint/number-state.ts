import type { ByteState } from "./byte-state.ts";
import { hasMultiple, mostFraction, mostWhole, type NumberRange } from "./number-range.ts";

const mostExponent = 2;

/** Where in a number the last character was. */
type Phase =
  | "start"
  | "sign"
  | "zero"
  | "whole"
  | "point"
  | "fraction"
  | "e"
  | "e-sign"
  | "exponent";

interface Read {
  readonly phase: Phase;
  readonly isNegative: boolean;
  /** All digits but the exponent's, as one number. */
  readonly digits: bigint;
  /** How many of them: before the point, after it, in the exponent. */
  readonly whole: number;
  readonly fraction: number;
  readonly exponent: number;
}

const nothing: Read = {
  phase: "start",
  isNegative: false,
  digits: 0n,
  whole: 0,
  fraction: 0,
  exponent: 0,
};

const complete: ReadonlySet<Phase> = new Set<Phase>(["zero", "whole", "fraction", "exponent"]);

/** A number of a range, then `after`: only what follows shows that a number has ended. */
export function numberState(range: NumberRange, after: ByteState): ByteState {
  return state({ range, after }, nothing);
}

interface NumberContext {
  readonly range: NumberRange;
  readonly after: ByteState;
}

function state(context: NumberContext, read: Read): ByteState {
  const isComplete = complete.has(read.phase) && isInRange(context.range, read, { isEnded: true });
  return {
    canEnd: isComplete && context.after.canEnd,
    next: (byte) => {
      const more = readChar(context.range, read, byte);
      if (more) {
        return isInRange(context.range, more, { isEnded: false })
          ? state(context, more)
          : undefined;
      }
      return isComplete ? context.after.next(byte) : undefined;
    },
  };
}

function readChar(range: NumberRange, read: Read, byte: number): Read | undefined {
  if (byte >= 0x30 && byte <= 0x39) return readDigit(range, read, byte - 0x30);
  const canHavePoint = !range.isInteger && (read.phase === "zero" || read.phase === "whole");
  const canHaveExponent =
    !range.isInteger && !range.limits && (canHavePoint || read.phase === "fraction");
  switch (String.fromCharCode(byte)) {
    case "-":
      if (read.phase === "start") return { ...read, phase: "sign", isNegative: true };
      return read.phase === "e" ? { ...read, phase: "e-sign" } : undefined;
    case "+":
      return read.phase === "e" ? { ...read, phase: "e-sign" } : undefined;
    case ".":
      return canHavePoint ? { ...read, phase: "point" } : undefined;
    case "e":
    case "E":
      return canHaveExponent ? { ...read, phase: "e" } : undefined;
    default:
      return undefined;
  }
}

function readDigit(range: NumberRange, read: Read, digit: number): Read | undefined {
  const digits = read.digits * 10n + BigInt(digit);
  switch (read.phase) {
    case "start":
    case "sign":
      return { ...read, phase: digit === 0 ? "zero" : "whole", digits, whole: 1 };
    case "zero":
      return undefined;
    case "whole":
      return read.whole < (range.limits?.whole ?? mostWhole)
        ? { ...read, digits, whole: read.whole + 1 }
        : undefined;
    case "point":
    case "fraction":
      return read.fraction < mostFraction
        ? { ...read, phase: "fraction", digits, fraction: read.fraction + 1 }
        : undefined;
    case "e":
    case "e-sign":
    case "exponent":
      return read.exponent < mostExponent
        ? { ...read, phase: "exponent", exponent: read.exponent + 1 }
        : undefined;
    default:
      return read.phase satisfies never;
  }
}

/** Whether the number as it stands is in the range or, if it has not ended, some continuation of it. */
function isInRange(
  { isInteger, limits }: NumberRange,
  read: Read,
  { isEnded }: { readonly isEnded: boolean },
): boolean {
  if (!limits) return true;
  const unit = isInteger ? 0 : mostFraction;
  const fits = (low: bigint, high: bigint): boolean => {
    const [from, to] = read.isNegative ? [-high, -low] : [low, high];
    return hasMultiple({
      least: from > limits.least ? from : limits.least,
      most: to < limits.most ? to : limits.most,
      multipleOf: limits.multipleOf,
    });
  };
  const scale = 10n ** BigInt(unit - read.fraction);
  const value = read.digits * scale;
  if (isEnded) return fits(value, value);
  if (read.phase === "sign") return fits(0n, 10n ** BigInt(limits.whole + unit) - 1n);
  if (read.phase !== "whole") return fits(value, value + scale - 1n);
  for (let more = 0, power = scale; read.whole + more <= limits.whole; more++, power *= 10n) {
    if (fits(read.digits * power, (read.digits + 1n) * power - 1n)) return true;
  }
  return false;
}
