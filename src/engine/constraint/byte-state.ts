/** What was read so far, as far as it decides what may follow. Never changes; none is a dead end. */
export interface ByteState {
  /** Whether it may end here. */
  readonly canEnd: boolean;
  next(byte: number): ByteState | undefined;
}

export const atEnd: ByteState = { canEnd: true, next: () => undefined };

/** Several ways to read the same; `undefined` if there is none. */
export function anyOf(states: readonly (ByteState | undefined)[]): ByteState | undefined {
  const alive = new Set(states);
  alive.delete(undefined);
  const [first, ...others] = alive;
  if (first === undefined || others.length === 0) return first;
  const ways = [first, ...others] as readonly ByteState[];
  return {
    canEnd: ways.some(({ canEnd }) => canEnd),
    next: (byte) => anyOf(ways.map((way) => way.next(byte))),
  };
}

/** The same state, whose followers are made once: so that several ways that meet here become one. */
export function meeting(state: ByteState): ByteState {
  const followers = new Map<number, ByteState | undefined>();
  return {
    canEnd: state.canEnd,
    next: (byte) => {
      if (!followers.has(byte)) followers.set(byte, state.next(byte));
      return followers.get(byte);
    },
  };
}

/** The rest of a text in ASCII, from `from` on. */
export function exactly(text: string, from: number, then: ByteState): ByteState {
  if (from === text.length) return then;
  return {
    canEnd: false,
    next: (byte) => (byte === text.charCodeAt(from) ? exactly(text, from + 1, then) : undefined),
  };
}

/** Enough for a line break and ten levels of indentation; no model can go on with blanks for ever. */
const mostBlanks = 41;

/** White space where JSON allows it, then `then`. */
export function blanks(then: ByteState, left = mostBlanks): ByteState {
  return {
    canEnd: then.canEnd,
    next: (byte) => {
      const isBlank = byte === 0x20 || byte === 0x0a || byte === 0x09 || byte === 0x0d;
      if (!isBlank) return then.next(byte);
      return left > 0 ? blanks(then, left - 1) : undefined;
    },
  };
}
