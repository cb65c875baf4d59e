/** Digits before and after the point: beyond them a model only repeats itself. */
export const mostWhole = 20;
export const mostFraction = 20;
/** Doubles hold 15 digits; a multiple must be one after it was read as a double. */
const mostOfMultiple = 15;

export interface NumberBounds {
  readonly isInteger: boolean;
  readonly least: number;
  readonly most: number;
  /** A whole number. */
  readonly multipleOf?: number;
}

/** Bounds in units of the last digit that may be written; none where every number is in order. */
export interface NumberRange {
  readonly isInteger: boolean;
  readonly limits?: {
    readonly least: bigint;
    readonly most: bigint;
    readonly multipleOf: bigint;
    readonly whole: number;
  };
}

/** `undefined` if there is no such number. */
export function numberRange({
  isInteger,
  least,
  most,
  multipleOf,
}: NumberBounds): NumberRange | undefined {
  const isBounded = Number.isFinite(least) || Number.isFinite(most) || multipleOf !== undefined;
  if (!isBounded) return { isInteger };
  const unit = isInteger ? 0 : mostFraction;
  const whole = multipleOf === undefined ? mostWhole : mostOfMultiple;
  const largest = 10n ** BigInt(whole + unit) - 1n;
  const limits = {
    least: least === Number.NEGATIVE_INFINITY ? -largest : scaled(least, unit, "up"),
    most: most === Number.POSITIVE_INFINITY ? largest : scaled(most, unit, "down"),
    multipleOf: multipleOf === undefined ? 1n : BigInt(multipleOf) * 10n ** BigInt(unit),
    whole,
  };
  // A range of doubles may be too narrow for the digits that may be written: then it is not kept.
  if (!hasMultiple(limits)) return isInteger || least > most ? undefined : { isInteger };
  const isWritable = hasMultiple({
    least: limits.least < -largest ? -largest : limits.least,
    most: limits.most > largest ? largest : limits.most,
    multipleOf: limits.multipleOf,
  });
  return isWritable ? { isInteger, limits } : { isInteger };
}

/** Whether a multiple lies between two whole numbers. */
export function hasMultiple({
  least,
  most,
  multipleOf,
}: {
  readonly least: bigint;
  readonly most: bigint;
  readonly multipleOf: bigint;
}): boolean {
  if (least > most) return false;
  if (least <= 0n && most >= 0n) return true;
  const [near, far] = least > 0n ? [least, most] : [-most, -least];
  return ((near + multipleOf - 1n) / multipleOf) * multipleOf <= far;
}

/** A double's shortest decimal spelling times 10^`digits`, rounded to a whole number. */
function scaled(value: number, digits: number, direction: "up" | "down"): bigint {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  const magnitude = BigInt(whole + fraction) * (sign === "-" ? -1n : 1n);
  const shift = Number(exponent) - fraction.length + digits;
  if (shift >= 0) return magnitude * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  const quotient = magnitude / divisor;
  const rest = magnitude % divisor;
  if (direction === "up" && rest > 0n) return quotient + 1n;
  return direction === "down" && rest < 0n ? quotient - 1n : quotient;
}
