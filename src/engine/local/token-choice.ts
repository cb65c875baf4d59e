import type { KimiTokenizer } from "../kimi/tokenizer.ts";
import type { ReplyState } from "../text-engine.ts";

/** Which tokens of a vocabulary may follow a state of the reply. */
export class TokenChoice {
  readonly #tokenizer: KimiTokenizer;
  #sorted: SortedTokens | undefined;

  constructor(tokenizer: KimiTokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** `undefined`: the token may not follow. */
  after(state: ReplyState, id: number): ReplyState | undefined {
    const control = this.#tokenizer.controlName(id);
    if (control !== undefined) return state.nextControl(control);
    const bytes = this.#tokenizer.tokenBytes(id);
    if (bytes.length === 0) return undefined; // an id without a meaning
    let next: ReplyState | undefined = state;
    for (const byte of bytes) next = next?.nextByte(byte);
    return next;
  }

  /** All tokens of the vocabulary but these. */
  others(ids: readonly number[]): number[] {
    const size = this.#tokenizer.ordinaryTokens + this.#tokenizer.controlNames.size;
    const isListed = new Uint8Array(size);
    for (const id of ids) isListed[id] = 1;
    return Array.from(isListed.keys()).filter((id) => isListed[id] === 0);
  }

  /** All tokens that may follow. */
  allowed(state: ReplyState): number[] {
    const ids: number[] = [];
    for (const [id, name] of this.#tokenizer.controlNames) {
      if (state.nextControl(name)) ids.push(id);
    }
    this.#sorted ??= sortTokens(this.#tokenizer);
    const { order, shared, bytes, ends } = this.#sorted;
    // States after each byte of the last token that was read; `known` of them, the rest are older.
    const states: ReplyState[] = [state];
    let known = 1;
    for (let at = 0, start = 0; at < order.length; start = ends[at++] ?? 0) {
      const common = shared[at] ?? 0;
      if (common >= known) continue; // begins with what was refused
      const end = ends[at] ?? 0;
      known = common + 1;
      let next = states[common];
      for (let read = start + common; next && read < end; read++) {
        next = next.nextByte(bytes[read] ?? 0);
        if (next) states[known++] = next;
      }
      if (next) ids.push(order[at] ?? 0);
    }
    return ids;
  }
}

interface SortedTokens {
  /** Ids of ordinary tokens, so that those with a common beginning are neighbours. */
  readonly order: Uint32Array;
  /** Bytes that each has in common with the one before it. */
  readonly shared: Uint16Array;
  /** Of all, one after another, and where each ends. */
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

function sortTokens(tokenizer: KimiTokenizer): SortedTokens {
  const texts = Array.from({ length: tokenizer.ordinaryTokens }, (_, id) =>
    Buffer.from(tokenizer.tokenBytes(id)).toString("latin1"),
  );
  const order = Uint32Array.from(texts.keys())
    .filter((id) => texts[id] !== "")
    .sort((a, b) => ((texts[a] ?? "") < (texts[b] ?? "") ? -1 : 1));
  const shared = new Uint16Array(order.length);
  const ends = new Uint32Array(order.length);
  let before = "";
  let end = 0;
  for (const [at, id] of order.entries()) {
    const text = texts[id] ?? "";
    shared[at] = commonLength(before, text);
    ends[at] = end += text.length;
    before = text;
  }
  const bytes = Buffer.from(Array.from(order, (id) => texts[id] ?? "").join(""), "latin1");
  return { order, shared, bytes, ends };
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
