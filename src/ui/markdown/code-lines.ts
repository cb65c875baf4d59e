import type { Theme } from "../theme.ts";
import { LineHighlighter, knowsLanguage } from "./highlight.ts";
import { breakSpans, wrapSpans } from "./wrap.ts";
import type { Span } from "./wrap.ts";

/** Beyond this a block is shown plain: nobody reads it for its colours. */
const mostHighlighted = 50_000;

const indent = "  ";

/** Turns the lines of one block of code, or of text that is no Markdown, into lines to show, one by one. */
export class CodeLines {
  readonly #isCode: boolean;
  #highlighter: LineHighlighter | undefined;
  #length = 0;
  #heldBlanks = 0;
  #hasStarted = false;

  private constructor(isCode: boolean) {
    this.#isCode = isCode;
  }

  /** Code, indented; the language as a fence names it: of `{.Python title="x"}` it is `python`. */
  static code(info: string, theme: Theme): CodeLines {
    const lines = new CodeLines(true);
    const language = /[\w+#-]+/.exec(info.toLowerCase())?.[0] ?? "";
    if (theme.colorLevel > 0 && knowsLanguage(language))
      lines.#highlighter = new LineHighlighter(language, theme);
    return lines;
  }

  /** Text, broken between words. */
  static text(): CodeLines {
    return new CodeLines(false);
  }

  /** Takes a line clean of controls. Blank lines are shown once another follows them. */
  next(line: string, width: number): string[] {
    const spans = this.#spans(line);
    if (line.trim() === "") {
      if (this.#hasStarted) this.#heldBlanks++;
      return [];
    }
    const blanks = Array.from({ length: this.#heldBlanks }, () => "");
    this.#heldBlanks = 0;
    this.#hasStarted = true;
    if (!this.#isCode) return [...blanks, ...wrapSpans(spans, width)];
    const shownIndent = width >= 8 ? indent : "";
    const shown = breakSpans(spans, width - shownIndent.length);
    return [...blanks, ...shown.map((text) => shownIndent + text)];
  }

  #spans(line: string): readonly Span[] {
    this.#length += line.length + 1;
    if (this.#length > mostHighlighted) this.#highlighter = undefined;
    return this.#highlighter?.next(line) ?? [{ text: line }];
  }

  /** The same state, to go on from here without changing this one. */
  fork(): CodeLines {
    const copy = new CodeLines(this.#isCode);
    copy.#highlighter = this.#highlighter?.fork();
    copy.#length = this.#length;
    copy.#heldBlanks = this.#heldBlanks;
    copy.#hasStarted = this.#hasStarted;
    return copy;
  }
}
