import { Readable } from "node:stream";

const escape = "\u001b";
const pasteStart = `${escape}[200~`;
const pasteEnd = `${escape}[201~`;
const bell = "\u0007";

/** A paste's start, or a whole reply: OSC, ended by a bell or by ST. */
const special = new RegExp(`${escape}(?:\\[200~|\\][^${bell}${escape}]*(?:${bell}|${escape}\\\\))`);
/** What may become one with the next characters, at the end. */
const partial = new RegExp(
  `${escape}(?:\\[(?:2(?:00?)?)?|\\][^${bell}${escape}]{0,200}${escape}?)$`,
);

/** How long the rest of a reply is waited for, before its start counts as keys. */
const replyMs = 100;

/** After how long a silence a paste without an end counts as ended, milliseconds: keys must get through again. */
const pasteMs = 3_000;

export interface TerminalInputOptions {
  readonly source: NodeJS.ReadStream;
  /** Takes a terminal's reply to a question about a colour: `11;rgb:1e1e/1e1e/1e1e`. */
  readonly onReply: (reply: string) => void;
}

/**
 * A terminal's keys, as Ink reads them, without the terminal's replies (OSC), which it would take for
 * typing. A bracketed paste is handed on in one piece however many chunks it came in, since looking for
 * its end again in all of it with every chunk takes seconds for a megabyte.
 */
export class TerminalInput extends Readable {
  readonly isTTY = true;
  readonly #source: NodeJS.ReadStream;
  readonly #onReply: (reply: string) => void;
  /** What may be the start of a paste or a reply. */
  #held = "";
  /** Whether its Escape, the last character of a chunk, was handed on already: a key does not wait. */
  #isEscapeGiven = false;
  #paste: string[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #take = (text: string | Buffer): void => this.#taken(text.toString());

  constructor({ source, onReply }: TerminalInputOptions) {
    super({ encoding: "utf8" });
    this.#source = source;
    this.#onReply = onReply;
    source.setEncoding("utf8");
    source.on("data", this.#take);
    source.on("end", () => this.#end());
    source.on("error", () => this.#end()); // the terminal is gone
  }

  setRawMode(isRaw: boolean): this {
    this.#source.setRawMode(isRaw);
    return this;
  }

  ref(): this {
    this.#source.resume();
    this.#source.ref();
    return this;
  }

  unref(): this {
    this.#source.pause();
    this.#source.unref();
    return this;
  }

  override _read(): void {}

  /** Stops reading the terminal. */
  close(): void {
    clearTimeout(this.#timer);
    this.#source.off("data", this.#take);
    this.#source.pause();
    this.#source.unref();
  }

  #taken(text: string): void {
    clearTimeout(this.#timer);
    let rest = this.#held + text;
    this.#held = "";
    while (rest !== "") {
      if (this.#paste) rest = this.#continuePaste(this.#paste, rest);
      else rest = this.#readKeys(rest);
    }
    if (this.#paste) this.#timer = setTimeout(() => this.#taken(pasteEnd), pasteMs);
    else if (this.#held !== "") this.#timer = setTimeout(() => this.#giveHeld(), replyMs);
  }

  #end(): void {
    clearTimeout(this.#timer);
    if (this.#paste) this.push(this.#paste.join("") + this.#held);
    else this.#giveHeld();
    this.#paste = undefined;
    this.#held = "";
    this.push(null);
  }

  #giveHeld(): void {
    const keys = this.#held;
    this.#held = "";
    this.#give(keys);
  }

  #give(keys: string): void {
    const rest = this.#isEscapeGiven ? keys.slice(1) : keys;
    this.#isEscapeGiven = false;
    if (rest !== "") this.push(rest);
  }

  /** What follows the paste; its last characters are held back, in which its end may begin. */
  #continuePaste(pieces: string[], text: string): string {
    const end = text.indexOf(pasteEnd);
    if (end < 0) {
      const cut = Math.max(0, text.length - (pasteEnd.length - 1));
      pieces.push(text.slice(0, cut));
      this.#held = text.slice(cut);
      return "";
    }
    pieces.push(text.slice(0, end));
    this.#paste = undefined;
    this.push(pieces.join("") + pasteEnd);
    return text.slice(end + pasteEnd.length);
  }

  /** What follows the first paste or reply in the text. */
  #readKeys(text: string): string {
    const next = special.exec(text);
    if (!next) {
      const cut = partial.exec(text)?.index ?? text.length;
      if (cut > 0) this.#give(text.slice(0, cut));
      this.#held = text.slice(cut);
      if (this.#held === "" && text.endsWith(escape)) {
        this.#held = escape;
        this.#isEscapeGiven = true;
      }
      return "";
    }
    if (next.index > 0) this.#give(text.slice(0, next.index));
    const [found] = next;
    if (found === pasteStart) this.#paste = [this.#isEscapeGiven ? found.slice(1) : found];
    else this.#onReply(found.slice(2, found.endsWith(bell) ? -1 : -2));
    this.#isEscapeGiven = false;
    return text.slice(next.index + found.length);
  }
}
