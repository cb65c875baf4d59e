import {
  complement,
  controls,
  last,
  lineEnds,
  sets,
  single,
  withoutSurrogates,
  type Ranges,
} from "./character-ranges.ts";

/** A regular expression as a tree. */
export type PatternNode =
  | { readonly type: "class"; readonly ranges: Ranges }
  | { readonly type: "sequence"; readonly items: readonly PatternNode[] }
  | { readonly type: "choice"; readonly branches: readonly PatternNode[] }
  | {
      readonly type: "repeat";
      readonly item: PatternNode;
      readonly least: number;
      readonly most: number;
    };

export interface PatternBranch {
  readonly node: PatternNode;
  readonly fromStart: boolean;
  readonly toEnd: boolean;
}

/** What this reader does not know: look-around, references, word boundaries, `\p`, anchors within. */
export class UnsupportedPattern extends Error {}

/**
 * Reads JSON Schema's `pattern`, ECMAScript's syntax with the `u` flag: its branches at the top,
 * since an anchor belongs to one. @throws UnsupportedPattern
 */
export function readPattern(source: string): PatternBranch[] {
  const reader = new PatternReader(source);
  const branches: PatternBranch[] = [];
  do branches.push(reader.branch());
  while (reader.take("|"));
  if (!reader.isAtEnd) throw new UnsupportedPattern(source);
  return branches;
}

class PatternReader {
  readonly #chars: readonly string[];
  #at = 0;

  constructor(source: string) {
    this.#chars = [...source];
  }

  get isAtEnd(): boolean {
    return this.#at === this.#chars.length;
  }

  take(char: string): boolean {
    if (this.#chars[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  branch(): PatternBranch {
    const fromStart = this.take("^");
    const node = this.#sequence();
    return { node, fromStart, toEnd: this.take("$") };
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = [];
    while (!this.isAtEnd && !["|", ")", "$"].includes(this.#chars[this.#at] ?? "")) {
      items.push(this.#repeated(this.#atom()));
    }
    return { type: "sequence", items };
  }

  #atom(): PatternNode {
    const char = this.#next();
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return { type: "class", ranges: this.#class() };
      case ".":
        return { type: "class", ranges: complement(lineEnds) };
      case "\\":
        return { type: "class", ranges: this.#escape() };
      default:
        if ("^*+?{}]".includes(char)) throw this.#unsupported();
        return { type: "class", ranges: single(char) };
    }
  }

  #group(): PatternNode {
    if (this.take("?") && !this.take(":")) {
      if (!this.take("<") || ["=", "!"].includes(this.#chars[this.#at] ?? ""))
        throw this.#unsupported();
      while (this.#next() !== ">"); // a name
    }
    const branches: PatternNode[] = [];
    do branches.push(this.#sequence());
    while (this.take("|"));
    if (!this.take(")")) throw this.#unsupported();
    return { type: "choice", branches };
  }

  #repeated(item: PatternNode): PatternNode {
    const [least, most] = this.#times();
    if (least === 1 && most === 1) return item;
    this.take("?"); // lazy: which match is found does not matter
    return { type: "repeat", item, least, most };
  }

  #times(): [least: number, most: number] {
    if (this.take("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.take("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.take("?")) return [0, 1];
    if (!this.take("{")) return [1, 1];
    let text = "";
    for (let char = this.#next(); char !== "}"; char = this.#next()) text += char;
    const [, least, comma, most] = /^(\d+)(,?)(\d*)$/.exec(text) ?? [];
    if (least === undefined) throw this.#unsupported();
    if (most) return [Number(least), Number(most)];
    return [Number(least), comma ? Number.POSITIVE_INFINITY : Number(least)];
  }

  #class(): Ranges {
    const isNegated = this.take("^");
    const ranges: (readonly [number, number])[] = [];
    while (!this.take("]")) {
      const low = this.#classItem();
      if (this.#chars[this.#at] !== "-" || this.#chars[this.#at + 1] === "]") {
        ranges.push(...low);
        continue;
      }
      this.#at++;
      const high = this.#classItem();
      const [from, to] = [low[0]?.[0], high[0]?.[0]];
      if (from === undefined || to === undefined || from > to) throw this.#unsupported();
      ranges.push([from, to]);
    }
    return isNegated ? complement(ranges) : withoutSurrogates(ranges);
  }

  #classItem(): Ranges {
    const char = this.#next();
    return char === "\\" ? this.#escape() : single(char);
  }

  #escape(): Ranges {
    const char = this.#next();
    const set = sets[char];
    if (set) return set;
    const control = controls[char];
    if (control !== undefined) return [[control, control]];
    if (char === "x") return this.#hex(2);
    if (char === "u") return this.take("{") ? this.#hexTo("}") : this.#hex(4);
    if (/[A-Za-z0-9]/.test(char)) throw this.#unsupported();
    return single(char);
  }

  #hex(length: number): Ranges {
    const text = Array.from({ length }, () => this.#next()).join("");
    return this.#codePoint(text);
  }

  #hexTo(end: string): Ranges {
    let text = "";
    for (let char = this.#next(); char !== end; char = this.#next()) text += char;
    return this.#codePoint(text);
  }

  #codePoint(text: string): Ranges {
    const value = /^[0-9A-Fa-f]+$/.test(text) ? Number.parseInt(text, 16) : -1;
    if (value < 0 || value > last || (value >= 0xd800 && value <= 0xdfff))
      throw this.#unsupported();
    return [[value, value]];
  }

  #next(): string {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw this.#unsupported();
    return char;
  }

  #unsupported(): UnsupportedPattern {
    return new UnsupportedPattern(`${this.#chars.join("")} at ${this.#at}`);
  }
}
