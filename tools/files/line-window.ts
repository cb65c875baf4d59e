import { firstCharacters, mostShown } from "./spill.ts";

export interface LineRange {
  /** The first line wanted, from 1. */
  readonly offset: number;
  /** How many lines. */
  readonly limit: number;
}

/** Takes some lines out of a text that comes in pieces and is too long to be held. */
export class LineWindow {
  readonly #range: LineRange;
  /** Of the lines wanted. */
  #text = "";
  /** Where in it the current line begins. */
  #lineStart = 0;
  /** The current line, from 1, and whether it has a character yet. */
  #line = 1;
  #isBegun = false;
  /** The last line taken, once no more are. */
  #last: number | undefined;
  #isLineCut = false;

  constructor(range: LineRange) {
    this.#range = range;
  }

  add(piece: string): void {
    for (let from = 0; from < piece.length;) {
      const lineEnd = piece.indexOf("\n", from);
      const to = lineEnd === -1 ? piece.length : lineEnd + 1;
      if (this.#isWanted()) this.#take(piece.slice(from, to));
      this.#isBegun = lineEnd === -1;
      if (lineEnd !== -1) {
        this.#line++;
        this.#lineStart = this.#text.length;
      }
      from = to;
    }
  }

  /**
   * The lines, and a line in brackets if they are not all there are.
   * @throws Error if the text ends before the first line wanted.
   */
  end(name: string): string {
    const { offset, limit } = this.#range;
    const total = this.#isBegun ? this.#line : this.#line - 1;
    if (total === 0) return `[${name} is empty]`;
    if (offset > total) throw new Error(`${name} has only ${lineCount(total)}`);
    const last = Math.min(this.#last ?? total, offset + limit - 1, total);
    if (offset === 1 && last === total && !this.#isLineCut) return this.#text;
    const cut = this.#isLineCut ? `, cut after ${mostShown.toLocaleString("en")} characters` : "";
    const range = offset === last ? `line ${last}` : `lines ${offset} to ${last}`;
    const more = last < total ? `; go on with offset ${last + 1}` : "";
    const gap = this.#text.endsWith("\n") ? "" : "\n";
    return `${this.#text}${gap}[${range} of ${total}${cut}${more}]`;
  }

  #isWanted(): boolean {
    const { offset, limit } = this.#range;
    return this.#last === undefined && this.#line >= offset && this.#line < offset + limit;
  }

  #take(text: string): void {
    this.#text += text;
    if (this.#text.length <= mostShown) return;
    if (this.#lineStart > 0) {
      this.#text = this.#text.slice(0, this.#lineStart);
      this.#last = this.#line - 1;
    } else {
      this.#text = firstCharacters(this.#text, mostShown);
      this.#last = this.#line;
      this.#isLineCut = true;
    }
  }
}

function lineCount(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}
