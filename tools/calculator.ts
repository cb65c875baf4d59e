import Fraction from "fraction.js";
import { jsonOutput, type Tool } from "../src/agent/tool.ts";

/** Arithmetic on exact fractions (fraction.js); what has no exact value is said to be approximate. */
export const calculator: Tool = {
  name: "calculate",
  description: "Evaluate an arithmetic expression exactly. Call this for any arithmetic.",
  parameters: {
    type: "object",
    properties: {
      expression: { type: "string", description: "Arithmetic expression, for example (2 + 3) * 4" },
    },
    required: ["expression"],
  },
  effect: "read",
  prepare(input) {
    const { expression } = input as { expression: string };
    const { value, isExact } = evaluate(expression);
    const result = decimal(value, isExact);
    const note = result.isRounded
      ? isExact
        ? { exact: value.toFraction() }
        : { approximate: true }
      : {};
    const output = jsonOutput({ expression, result: numberLiteral(result.text), ...note });
    return { summary: `${expression} = ${result.text}`, start: async () => output };
  },
};

const longestExpression = 1_000;
const mostDigits = 10_000;

function evaluate(expression: string): { readonly value: Fraction; readonly isExact: boolean } {
  if (expression.length > longestExpression)
    throw new Error(`longer than ${longestExpression} characters`);
  const parser = new Parser(expression);
  return { value: parser.parse(), isExact: parser.isExact };
}

const constants: Readonly<Record<string, number>> = { pi: Math.PI, π: Math.PI, e: Math.E };

const functions: Readonly<Record<string, (...values: number[]) => number>> = {
  sqrt: Math.sqrt,
  cbrt: Math.cbrt,
  exp: Math.exp,
  ln: Math.log,
  log: Math.log10,
  log2: Math.log2,
  log10: Math.log10,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
};

const exactFunctions: Readonly<Record<string, (first: Fraction, ...rest: Fraction[]) => Fraction>> =
  {
    abs: (value) => value.abs(),
    floor: (value) => value.floor(),
    ceil: (value) => value.ceil(),
    round: (value) => value.round(),
    min: (first, ...rest) =>
      rest.reduce((least, value) => (value.lt(least) ? value : least), first),
    max: (first, ...rest) => rest.reduce((most, value) => (value.gt(most) ? value : most), first),
  };

/** Precedence climbing: `+ -`, `* / %`, unary sign, `^ **` (right to left), then `!` and percent. */
class Parser {
  readonly #tokens: readonly string[];
  #at = 0;
  isExact = true;

  constructor(expression: string) {
    const text = expression.replaceAll(/[×·]/g, "*").replaceAll("÷", "/").replaceAll(/[−–]/g, "-");
    // A comma between groups of three digits is a thousands separator where no function is open.
    const grouped = /[a-z]\s*\(/i.test(text) ? text : text.replaceAll(/(?<=\d),(?=\d{3}\b)/g, "");
    this.#tokens =
      grouped.match(/\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|\*\*|[a-zπ]\w*|\S/giu) ?? [];
  }

  parse(): Fraction {
    if (this.#tokens.length === 0) throw new Error("the expression is empty");
    const value = this.#sum();
    if (this.#at < this.#tokens.length) throw new Error(`unexpected ${this.#tokens[this.#at]}`);
    return value;
  }

  #take(...wanted: string[]): string | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || !wanted.includes(token)) return undefined;
    this.#at++;
    return token;
  }

  #sum(): Fraction {
    let value = this.#product();
    for (let sign = this.#take("+", "-"); sign; sign = this.#take("+", "-")) {
      const right = this.#product();
      value = sign === "+" ? value.add(right) : value.sub(right);
    }
    return value;
  }

  #product(): Fraction {
    let value = this.#signed();
    for (let sign = this.#take("*", "/", "%"); sign; sign = this.#take("*", "/", "%")) {
      const right = this.#signed();
      if (sign !== "*" && right.equals(0)) throw new Error("division by zero");
      value = sign === "*" ? value.mul(right) : sign === "/" ? value.div(right) : value.mod(right);
    }
    return value;
  }

  #signed(): Fraction {
    const sign = this.#take("+", "-");
    if (sign === undefined) return this.#power();
    const value = this.#signed();
    return sign === "-" ? value.neg() : value;
  }

  #power(): Fraction {
    const base = this.#postfix();
    if (this.#take("^", "**") === undefined) return base;
    const exponent = this.#signed();
    const digits = base.n.toString().length + base.d.toString().length;
    if (exponent.d !== 1n) return this.#approximate(base.valueOf() ** exponent.valueOf());
    if (base.equals(0) && exponent.lt(0)) throw new Error("division by zero");
    if (Math.abs(exponent.valueOf()) * digits > mostDigits)
      throw new Error("the result is too large");
    return base.pow(exponent) ?? this.#approximate(Number.NaN);
  }

  #postfix(): Fraction {
    let value = this.#primary();
    for (;;) {
      if (this.#take("!") !== undefined) value = factorial(value);
      else if (
        this.#tokens[this.#at] === "%" &&
        !/^[\d.(a-zπ]/iu.test(this.#tokens[this.#at + 1] ?? "")
      ) {
        this.#at++;
        value = value.div(100);
      } else return value;
    }
  }

  #primary(): Fraction {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new Error("the expression ends too early");
    if (token === "(") return this.#closed(this.#sum());
    if (/^[\d.]+(e[+-]?\d{1,3})?$/i.test(token) && token !== ".") return fractionOf(token);
    const name = token.toLowerCase();
    const constant = Object.hasOwn(constants, name) ? constants[name] : undefined;
    if (constant !== undefined) return this.#approximate(constant);
    const values = this.#take("(") === undefined ? undefined : this.#arguments();
    const [first] = values ?? [];
    if (values === undefined || first === undefined) throw new Error(`unexpected ${token}`);
    const exact = Object.hasOwn(exactFunctions, name) ? exactFunctions[name] : undefined;
    if (exact) return exact(first, ...values.slice(1));
    const approximate = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (!approximate) throw new Error(`unknown function ${token}`);
    if (name === "sqrt") {
      const root = first.lt(0) ? null : first.pow(new Fraction(1, 2));
      if (root) return root;
    }
    return this.#approximate(approximate(...values.map((value) => value.valueOf())));
  }

  #arguments(): Fraction[] {
    const values = [this.#sum()];
    while (this.#take(",") !== undefined) values.push(this.#sum());
    this.#closed(values);
    return values;
  }

  #closed<T>(value: T): T {
    if (this.#take(")") === undefined) throw new Error("a ) is missing");
    return value;
  }

  #approximate(value: number): Fraction {
    if (!Number.isFinite(value)) throw new Error("the result is not a finite number");
    this.isExact = false;
    return fractionOf(String(value));
  }
}

/** Of decimal text with or without an exponent, exactly. */
function fractionOf(text: string): Fraction {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  return new Fraction(mantissa).mul(new Fraction(10).pow(Number(exponent)) ?? 1);
}

function factorial(value: Fraction): Fraction {
  const limit = 1_000;
  if (value.d !== 1n || value.lt(0) || value.gt(limit)) {
    throw new Error(
      `the factorial of ${value.toFraction()} is not of a whole number up to ${limit}`,
    );
  }
  let product = 1n;
  for (let factor = 2n; factor <= value.n; factor++) product *= factor;
  return new Fraction(product);
}

/** All digits where they end; else, and for approximate values, 15 significant ones. */
function decimal(
  value: Fraction,
  isExact: boolean,
): { readonly text: string; readonly isRounded: boolean } {
  if (value.d === 1n) return { text: String(value.s * value.n), isRounded: !isExact };
  let rest = value.d;
  let places = 0;
  for (const prime of [2n, 5n]) {
    let count = 0;
    for (; rest % prime === 0n; count++) rest /= prime;
    places = Math.max(places, count);
  }
  if (!isExact || rest !== 1n || places > 60) {
    if (value.valueOf() === 0 && !value.equals(0)) throw new Error("the result is too small");
    return { text: String(Number(value.valueOf().toPrecision(15))), isRounded: true };
  }
  const scaled = String((value.n * 10n ** BigInt(places)) / value.d).padStart(places + 1, "0");
  return {
    text: `${value.s < 0n ? "-" : ""}${scaled.slice(0, -places)}.${scaled.slice(-places)}`,
    isRounded: false,
  };
}

/** A JSON number with all its digits, which a JavaScript number would not keep. */
function numberLiteral(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);
}
