import { Buffer } from "node:buffer";
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Characters (UTF-16 units) of one result field that a model reads. */
export const mostShown = 30_000;

const headLength = 10_000;
const tailLength = 10_000;
const mostStoredBytes = 64 << 20;

let folder: string | undefined;
let count = 0;

/** Whether a path, its symlinks followed, is output that this process has spilled. */
export function isSpilled(path: string): boolean {
  return folder !== undefined && dirname(path) === folder;
}

/** One folder a process, and gone with it: nobody else can read it through `read_file`. */
function spillFolder(): string {
  if (folder !== undefined) return folder;
  const made = realpathSync.native(mkdtempSync(join(tmpdir(), "kimi-output-")));
  process.once("exit", () => rmSync(made, { recursive: true, force: true }));
  folder = made;
  return made;
}

/**
 * Text of any length that comes in pieces. Up to `mostShown` characters are kept in memory; of more,
 * the beginning and the end are, and the whole, or its first 64 MiB, goes to a file.
 */
export class SpillingText {
  #head = "";
  #tail = "";
  #length = 0;
  #file: { readonly path: string; readonly descriptor: number } | undefined;
  #storedBytes = 0;
  #isCut = false;
  #problem: string | undefined;

  add(text: string): void {
    const wasShort = this.#length <= mostShown;
    this.#length += text.length;
    if (this.#length <= mostShown) {
      this.#head += text;
      return;
    }
    if (wasShort) {
      this.#store(this.#head);
      this.#tail = this.#head;
      this.#head += text.slice(0, headLength + 1); // one more shows whether a pair would be cut
    }
    this.#store(text);
    this.#tail += text.slice(-tailLength - 1);
    // Not at every piece: small ones would be copied again and again.
    if (this.#tail.length > mostShown) this.#tail = this.#tail.slice(-tailLength - 1);
  }

  /** All of it, or its two ends with a line between them that tells where the rest is. Called once. */
  end(): string {
    if (this.#file) closeSync(this.#file.descriptor);
    if (this.#length <= mostShown) return this.#head;
    const head = firstCharacters(this.#head, headLength);
    const tail = lastCharacters(this.#tail, tailLength);
    const leftOut = (this.#length - head.length - tail.length).toLocaleString("en");
    const note = `[${leftOut} characters left out; ${this.#where()}]`;
    return `${head}${head.endsWith("\n") ? "" : "\n"}${note}\n${tail}`;
  }

  #where(): string {
    if (this.#problem !== undefined) return `they could not be kept: ${this.#problem}`;
    const part = this.#isCut ? `the first ${mostStoredBytes >> 20} MiB are` : "the whole is";
    return `${part} in ${this.#file?.path}`;
  }

  #store(text: string): void {
    if (this.#isCut || this.#problem !== undefined) return;
    try {
      this.#file ??= newFile();
      const bytes = Buffer.from(text);
      let end = Math.min(bytes.length, mostStoredBytes - this.#storedBytes);
      this.#isCut = end < bytes.length;
      // Not within a character: the file would be no UTF-8.
      while (this.#isCut && end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
      writeFileSync(this.#file.descriptor, bytes.subarray(0, end));
      this.#storedBytes += end;
    } catch (cause) {
      this.#problem = (cause as Error).message; // a full disk is no failure of what printed
    }
  }
}

function newFile(): { readonly path: string; readonly descriptor: number } {
  const path = join(spillFolder(), `${++count}.txt`);
  return { path, descriptor: openSync(path, "wx", 0o600) };
}

/** At most so many, up to a line's end if one is in the second half, and no half of a surrogate pair. */
export function firstCharacters(text: string, most: number): string {
  if (text.length <= most) return text;
  const lineEnd = text.lastIndexOf("\n", most - 1) + 1;
  if (lineEnd > most / 2) return text.slice(0, lineEnd);
  return text.slice(0, isWithinPair(text, most) ? most - 1 : most);
}

function lastCharacters(text: string, most: number): string {
  const start = Math.max(0, text.length - most);
  const lineStart = text.indexOf("\n", start) + 1;
  if (lineStart > 0 && lineStart < start + most / 2) return text.slice(lineStart);
  return text.slice(isWithinPair(text, start) ? start + 1 : start);
}

function isWithinPair(text: string, index: number): boolean {
  return index > 0 && (text.codePointAt(index - 1) ?? 0) > 0xffff;
}
