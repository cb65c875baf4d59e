import { BlockReader } from "./block-reader.ts";
import { BlockWriter } from "./block-writer.ts";
import type { WriterOptions } from "./block-writer.ts";
import { cleanText, expandTabs } from "./clean-text.ts";

/** A line is read in parts of this length, so that one without end costs no more than others. */
const longestPart = 8000;

/** Nothing but marks, of which the next characters tell what they are. */
const onlyMarks = /^ *(?:[-=*+#>`~|]+|\d{1,9}[.)]) *$/;

/**
 * Markdown that comes in pieces. What is final is given once and never changes, so that it can be
 * printed: a block when the next begins or a blank line ends it, a line of code at its line break,
 * part of a paragraph beyond 8,000 characters. The lines given in the end do not depend on how
 * the text was cut, and are those of `renderMarkdown`. Definitions of link references are not
 * honoured: they may come after their use, and are shown as text.
 */
export class StreamingMarkdown {
  readonly #writer: BlockWriter;
  readonly #reader: BlockReader;
  readonly #width: () => number;
  #open = "";
  #shown: { readonly width: number; readonly lines: readonly string[] } | undefined;

  constructor(options: WriterOptions) {
    this.#width = options.width;
    this.#writer = new BlockWriter(options);
    this.#reader = new BlockReader(this.#writer);
  }

  /** Adds a delta; returns lines that are final, for the scrollback (possibly none). */
  push(delta: string): string[] {
    this.#open += delta;
    this.#shown = undefined;
    if (this.#open.length <= longestPart && !delta.includes("\n")) return [];
    this.#read();
    return this.#writer.take();
  }

  /** Lines of what is not final yet, at most maxLines, its last ones. */
  pending(maxLines: number): string[] {
    const width = this.#width();
    if (this.#shown?.width !== width) this.#shown = { width, lines: this.#pendingLines() };
    return maxLines > 0 ? this.#shown.lines.slice(-maxLines) : [];
  }

  /** The message is over: the remaining lines. */
  end(): string[] {
    if (this.#open !== "") this.#reader.line(readable(this.#open));
    this.#open = "";
    this.#shown = undefined;
    this.#reader.end();
    return this.#writer.take();
  }

  #pendingLines(): string[] {
    const writer = this.#writer.fork();
    const reader = this.#reader.fork(writer);
    const line = readable(this.#open);
    if (line !== "" && !onlyMarks.test(line)) reader.line(line);
    reader.end();
    return writer.take();
  }

  /** Reads the lines that are whole, and of longer ones what there is. */
  #read(): void {
    const text = this.#open;
    let from = 0;
    for (;;) {
      const lineBreak = text.indexOf("\n", from);
      const length = (lineBreak === -1 ? text.length : lineBreak) - from;
      if (length > longestPart) {
        const part = text.slice(from, from + longestPart);
        const end = partEnd(part);
        this.#reader.part(readable(part.slice(0, end)));
        from += end;
      } else if (lineBreak === -1) break;
      else {
        this.#reader.line(readable(text.slice(from, lineBreak)));
        from = lineBreak + 1;
      }
    }
    this.#open = text.slice(from);
  }
}

function readable(line: string): string {
  return expandTabs(cleanText(line));
}

const segmenter = new Intl.Segmenter();

/** Where to end a part of a line: after its last space, else before its last grapheme. */
function partEnd(part: string): number {
  const space = part.lastIndexOf(" ");
  if (space >= part.length / 2) return space + 1;
  const start = part.length - 64;
  let last = 0;
  for (const { index } of segmenter.segment(part.slice(start))) last = index;
  return start + (last === 0 ? 63 : last);
}
