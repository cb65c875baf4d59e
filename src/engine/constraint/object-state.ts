import { blanks, exactly, type ByteState } from "./byte-state.ts";
import type { ObjectKind, Shape } from "./shape.ts";
import { stringState } from "./string-state.ts";
import type { TextState } from "./text-states.ts";

interface InsideObject {
  readonly kind: ObjectKind;
  readonly after: ByteState;
  /** A value and what follows it. */
  readonly valueOf: (shape: Shape, then: ByteState) => ByteState;
}

/** After the opening brace, until `after`, which is after the closing one. */
export function insideObject(object: InsideObject): ByteState {
  const members = new Members(object, new Set());
  const key = members.key();
  return blanks({
    canEnd: false,
    next: (byte) =>
      byte === 0x7d && members.isEnough ? object.after : byte === 0x22 ? key : undefined,
  });
}

/** An object after some of its properties. */
class Members {
  readonly #object: InsideObject;
  readonly #names: ReadonlySet<string>;
  /** Declared names that may come next. */
  readonly #open: readonly string[];
  readonly isEnough: boolean;
  readonly #others: Shape | undefined;

  constructor(object: InsideObject, names: ReadonlySet<string>) {
    this.#object = object;
    this.#names = names;
    const { kind } = object;
    const left = [...kind.properties].filter(([name]) => !names.has(name));
    const required = left.filter(([, { isRequired }]) => isRequired);
    const hasRoom = names.size + required.length < kind.most;
    this.#open = left
      .filter(([, { shape, isRequired }]) => isRequired || (hasRoom && shape.kinds.length > 0))
      .map(([name]) => name);
    this.#others = hasRoom ? kind.others : undefined;
    this.isEnough = required.length === 0 && names.size >= kind.least;
  }

  /** The next property's name, after its opening quote; `undefined` if there can be none. */
  key(): ByteState | undefined {
    if (this.#open.length === 0 && !this.#others) return undefined;
    const start = new NameText({ open: this.#open, isAnyOther: this.#others !== undefined }, "");
    return stringState(start, ({ name }) => this.#afterName(name));
  }

  #afterName(name: string): ByteState | undefined {
    if (this.#names.has(name)) return undefined;
    const declared = this.#object.kind.properties.get(name);
    const shape = declared ? declared.shape : this.#others;
    if (!shape || (declared && !this.#open.includes(name))) return undefined;
    const members = new Members(this.#object, new Set([...this.#names, name]));
    const value = this.#object.valueOf(shape, members.#afterValue());
    return blanks(exactly(":", 0, value));
  }

  #afterValue(): ByteState {
    return {
      canEnd: false,
      next: (byte) => {
        if (byte === 0x7d) return this.isEnough ? this.#object.after : undefined;
        const key = byte === 0x2c ? this.key() : undefined;
        return key && blanks(exactly('"', 0, key));
      },
    };
  }
}

interface Names {
  readonly open: readonly string[];
  readonly isAnyOther: boolean;
}

/** A property's name as far as it is read; whether it may end there is asked when it does. */
class NameText implements TextState {
  readonly isComplete = true;
  readonly isPlain = true;
  readonly name: string;
  readonly #names: Names;

  constructor(names: Names, name: string) {
    this.#names = names;
    this.name = name;
  }

  next(codePoint: number): NameText | undefined {
    const name = this.name + String.fromCodePoint(codePoint);
    const { open, isAnyOther } = this.#names;
    const isPossible = isAnyOther || open.some((known) => known.startsWith(name));
    return isPossible ? new NameText(this.#names, name) : undefined;
  }

  canFollow(low: number, high: number): boolean {
    const { open, isAnyOther } = this.#names;
    if (isAnyOther) return true;
    return open.some((known) => {
      const next = known.startsWith(this.name) ? known.codePointAt(this.name.length) : undefined;
      return next !== undefined && next >= low && next <= high;
    });
  }
}
