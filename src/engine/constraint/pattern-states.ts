import { anyCharacter, type Ranges } from "./character-ranges.ts";
import { readPattern, UnsupportedPattern, type PatternNode } from "./pattern-syntax.ts";
import type { TextState } from "./text-states.ts";

export interface PatternBounds {
  readonly pattern: string;
  /** Code points. */
  readonly least: number;
  readonly most: number;
}

/** A state of the automaton: where a character of `ranges` leads, and where nothing needs to be read. */
interface Place {
  readonly steps: { readonly ranges: Ranges; readonly to: number }[];
  readonly free: number[];
}

const mostPlaces = 2_000;
/** Of the table that says which lengths can still be reached. */
const mostCells = 4_000_000;

/**
 * Texts in which a pattern is found and whose length is within bounds. `undefined` if no text is.
 * @throws UnsupportedPattern if the pattern is not understood or too large.
 */
export function patternText({ pattern, least, most }: PatternBounds): TextState | undefined {
  const automaton = new Automaton(pattern);
  const lengths = automaton.lengths(least, most);
  const start = automaton.closure([0]).filter((place) => lengths.canFinish(place, 0));
  return start.length === 0 ? undefined : new PatternState({ automaton, lengths }, start, 0);
}

interface Lengths {
  /** Whether the end can be reached from a place after `read` characters, within the bounds. */
  canFinish(place: number, read: number): boolean;
  isEnough(read: number): boolean;
  /** Counting stops where it no longer matters, so that states are few. */
  readonly mostCounted: number;
}

/** Thompson's construction: place 0 is the start, place 1 the end. */
class Automaton {
  readonly places: Place[] = [place(), place()];
  readonly #closures: (readonly number[] | undefined)[] = [];

  constructor(pattern: string) {
    for (const { node, fromStart, toEnd } of readPattern(pattern)) {
      const entry = fromStart ? 0 : this.#loop(0);
      const exit = this.#add(node, entry);
      this.places[toEnd ? exit : this.#loop(exit)]?.free.push(1);
    }
  }

  /** The places that are reached without reading, themselves included. */
  closure(from: readonly number[]): number[] {
    const reached = new Set<number>();
    for (const start of from) for (const to of this.#closureOf(start)) reached.add(to);
    return [...reached].toSorted((a, b) => a - b);
  }

  lengths(least: number, most: number): Lengths {
    if (least === 0 && most === Number.POSITIVE_INFINITY) {
      const alive = this.#alive();
      return { canFinish: (at) => alive.has(at), isEnough: () => true, mostCounted: 0 };
    }
    // If there is a text of at least `least` characters, there is one that is not longer by more than a round.
    const horizon = most === Number.POSITIVE_INFINITY ? least + this.places.length : most;
    if ((horizon + 1) * this.places.length > mostCells) throw new UnsupportedPattern("too long");
    const table = this.#reachable(horizon);
    const canFinish = (at: number, read: number): boolean => {
      for (let more = Math.max(0, least - read); more <= horizon - read; more++)
        if (table[more]?.[at]) return true;
      return false;
    };
    return {
      canFinish,
      isEnough: (read) => read >= least,
      mostCounted: most === Number.POSITIVE_INFINITY ? least : most + 1,
    };
  }

  /** For each number of characters, whether exactly so many lead from a place to the end. */
  #reachable(horizon: number): Uint8Array[] {
    const closures = this.places.map((_, at) => this.#closureOf(at));
    const ends = Uint8Array.from(closures, (closure) => (closure.includes(1) ? 1 : 0));
    const table = [ends];
    for (let more = 1; more <= horizon; more++) {
      const before = table[more - 1];
      const leads = (at: number): boolean =>
        this.places[at]?.steps.some(({ ranges, to }) => ranges.length > 0 && before?.[to]) ?? false;
      table.push(Uint8Array.from(closures, (closure) => (closure.some(leads) ? 1 : 0)));
    }
    return table;
  }

  #alive(): ReadonlySet<number> {
    const alive = new Set([1]);
    for (let size = 0; size !== alive.size;) {
      size = alive.size;
      for (const [at, { steps, free }] of this.places.entries()) {
        if (free.some((to) => alive.has(to))) alive.add(at);
        if (steps.some(({ ranges, to }) => ranges.length > 0 && alive.has(to))) alive.add(at);
      }
    }
    return alive;
  }

  #closureOf(start: number): readonly number[] {
    const known = this.#closures[start];
    if (known) return known;
    const reached = new Set([start]);
    for (const at of reached) for (const to of this.places[at]?.free ?? []) reached.add(to);
    return (this.#closures[start] = [...reached]);
  }

  #new(): number {
    if (this.places.length >= mostPlaces) throw new UnsupportedPattern("too large");
    return this.places.push(place()) - 1;
  }

  /** A place from which any text leads back to itself. */
  #loop(from: number): number {
    const at = this.#new();
    this.places[from]?.free.push(at);
    this.places[at]?.steps.push({ ranges: anyCharacter, to: at });
    return at;
  }

  /** Adds what leads from a place through a node; returns where it ends. */
  #add(node: PatternNode, from: number): number {
    switch (node.type) {
      case "class": {
        const to = this.#new();
        this.places[from]?.steps.push({ ranges: node.ranges, to });
        return to;
      }
      case "sequence":
        return node.items.reduce((at, item) => this.#add(item, at), from);
      case "choice": {
        const exit = this.#new();
        for (const branch of node.branches) this.places[this.#add(branch, from)]?.free.push(exit);
        return exit;
      }
      case "repeat":
        return this.#repeat(node, from);
      default:
        return node satisfies never;
    }
  }

  #repeat({ item, least, most }: PatternNode & { readonly type: "repeat" }, from: number): number {
    let at = from;
    for (let i = 0; i < least; i++) at = this.#add(item, at);
    const exit = this.#new();
    if (most === Number.POSITIVE_INFINITY) {
      const again = this.#new();
      this.places[at]?.free.push(again);
      this.places[this.#add(item, again)]?.free.push(again);
      this.places[again]?.free.push(exit);
      return exit;
    }
    this.places[at]?.free.push(exit);
    for (let i = least; i < most; i++) {
      const inner = this.#new(); // what is skipped must not lead into what comes before
      this.places[at]?.free.push(inner);
      at = this.#add(item, inner);
      this.places[at]?.free.push(exit);
    }
    return exit;
  }
}

function place(): Place {
  return { steps: [], free: [] };
}

interface Compiled {
  readonly automaton: Automaton;
  readonly lengths: Lengths;
}

class PatternState implements TextState {
  readonly #of: Compiled;
  readonly #places: readonly number[];
  readonly #read: number;

  constructor(of: Compiled, places: readonly number[], read: number) {
    this.#of = of;
    this.#places = places;
    this.#read = read;
  }

  get isComplete(): boolean {
    return this.#places.includes(1) && this.#of.lengths.isEnough(this.#read);
  }

  next(codePoint: number): TextState | undefined {
    const { automaton, lengths } = this.#of;
    const read = Math.min(this.#read + 1, lengths.mostCounted);
    const places = automaton
      .closure(this.#targets(codePoint, codePoint))
      .filter((at) => lengths.canFinish(at, read));
    return places.length === 0 ? undefined : new PatternState(this.#of, places, read);
  }

  canFollow(low: number, high: number): boolean {
    const { lengths } = this.#of;
    const read = Math.min(this.#read + 1, lengths.mostCounted);
    return this.#targets(low, high).some((at) => lengths.canFinish(at, read));
  }

  #targets(low: number, high: number): number[] {
    return this.#places.flatMap((at) =>
      (this.#of.automaton.places[at]?.steps ?? [])
        .filter(({ ranges }) => ranges.some(([from, to]) => from <= high && low <= to))
        .map(({ to }) => to),
    );
  }
}
