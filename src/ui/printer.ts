/** Turns what happened into the lines that go into the scrollback, each once. */
import stringWidth from "string-width";
import type { FinishedCall, Print } from "./chat-state.ts";
import { foldLines } from "./fold.ts";
import { formatCount, formatDuration } from "./format.ts";
import { cleanText, expandTabs } from "./markdown/clean-text.ts";
import { loadHighlighter } from "./markdown/highlight.ts";
import { renderDiff } from "./markdown/render-diff.ts";
import { StreamingMarkdown } from "./markdown/streaming.ts";
import { breakSpans, wrapText } from "./markdown/wrap.ts";
import type { Style, Theme } from "./theme.ts";

export interface PrinterOptions {
  readonly width: () => number;
  readonly theme: () => Theme;
}

/** Lines of a tool's output, of a diff and of what the user said that are shown without asking. */
const shownOutput = 4;
const shownDiff = 24;
const shownSaid = 30;

/** Characters of a text of which only the start and the end are wrapped, and of each of these. */
const longText = 20_000;
const edgeOfText = 8_000;

/** Folded things that can be shown in full. */
const keptFolds = 50;

interface Look {
  readonly style: Style;
  /** Before the first line; as wide as the indentation of the others. */
  readonly first?: string;
}

export class Printer {
  readonly #options: PrinterOptions;
  #markdown: StreamingMarkdown | undefined;
  /** What was printed last, which decides on blank lines. */
  #last: Print["type"] | undefined;
  /** The newest last: each writes its thing in full. */
  readonly #folds: (() => readonly string[])[] = [];
  /** Whether thinking is printed whole. */
  showsThinking = false;

  constructor(options: PrinterOptions) {
    this.#options = options;
  }

  print(item: Print): readonly string[] {
    switch (item.type) {
      case "text":
        if (item.text.includes("`")) void loadHighlighter(); // a fence may be on its way
        return this.#spaced("text", this.#streaming().push(item.text));
      case "text-end": {
        const lines = this.#streaming().end();
        this.#markdown = undefined;
        const spaced = this.#spaced("text", lines);
        if (this.#last === "text") this.#last = "text-end"; // another answer is another thing
        return spaced;
      }
      case "user":
        return this.#spaced("user", this.#said(item));
      case "thinking":
        return this.#spaced("thinking", this.#thought(item));
      case "tool":
        return this.#spaced("tool", this.#call(item));
      case "notice":
        return this.#spaced("notice", this.#notice(item));
      case "lines":
        return this.#spaced("lines", item.lines);
      default:
        return item satisfies never;
    }
  }

  /** The end of the answer that is not final yet. */
  pending(maxLines: number): readonly string[] {
    const lines = this.#markdown?.pending(maxLines) ?? [];
    const isFirst = this.#last !== "text";
    return lines.length > 0 && isFirst && this.#last !== undefined && lines.length < maxLines
      ? ["", ...lines]
      : lines;
  }

  /** What was folded last, in full; the next call shows the one before. */
  unfold(): readonly string[] | undefined {
    const fold = this.#folds.pop();
    return fold ? this.#spaced("lines", fold()) : undefined;
  }

  #streaming(): StreamingMarkdown {
    const { width, theme } = this.#options;
    return (this.#markdown ??= new StreamingMarkdown({ width, theme: theme() }));
  }

  /** A blank line between things of different kinds, and between all but calls and pieces of one text. */
  #spaced(type: Print["type"], lines: readonly string[]): readonly string[] {
    if (lines.length === 0) return [];
    const isAdjacent = type === this.#last && (type === "text" || type === "tool");
    const isFirst = this.#last === undefined;
    this.#last = type;
    return isFirst || isAdjacent ? lines : ["", ...lines];
  }

  /** Its start and end, if it is long. All of it is wrapped when it is asked for: a megabyte takes long. */
  #folded(text: string, limit: number, look: Look): readonly string[] {
    const hint = " (Ctrl-O shows them)";
    const { dim } = this.#options.theme();
    if (text.length <= longText) {
      const lines = this.#indented(text, look);
      const folded = foldLines(lines, { limit, style: dim, hint });
      if (folded.length < lines.length) this.#keep(() => lines);
      return folded;
    }
    this.#keep(() => this.#indented(text, look));
    const whole = text.trimEnd();
    const head = this.#indented(whole.slice(0, edgeOfText), look).slice(0, Math.ceil(limit / 2));
    const end = this.#indented(whole.slice(-edgeOfText), { style: look.style });
    const left = whole.split("\n").length - limit;
    const size = left > 1 ? `${left} more lines` : `${formatCount(whole.length)} characters`;
    return [...head, dim(`  … ${size}${hint}`), ...end.slice(-Math.floor(limit / 2))];
  }

  #keep(fold: () => readonly string[]): void {
    this.#folds.push(fold);
    if (this.#folds.length > keptFolds) this.#folds.shift();
  }

  #indented(text: string, { style, first = "  " }: Look): string[] {
    const width = Math.max(8, this.#options.width() - 2);
    const lines = cleanText(text)
      .trimEnd()
      .split("\n")
      .flatMap((line) => wrapText(expandTabs(line), width));
    return lines.map(
      (line, index) => (index === 0 ? first : "  ") + (line === "" ? "" : style(line)),
    );
  }

  #said({
    text,
    isSteering,
  }: {
    readonly text: string;
    readonly isSteering: boolean;
  }): readonly string[] {
    const theme = this.#options.theme();
    const first = theme.user(isSteering ? "↳ " : "❯ ");
    return this.#folded(text, shownSaid, { style: theme.user, first });
  }

  #thought({
    text,
    durationMs,
  }: {
    readonly text: string;
    readonly durationMs: number;
  }): readonly string[] {
    const { dim } = this.#options.theme();
    const full = this.#indented(text, { style: dim });
    const took = formatDuration(durationMs);
    if (this.showsThinking) return [dim(`∴ thought for ${took}`), ...full];
    this.#keep(() => full);
    return wrapText(dim(`∴ thought for ${took} (Ctrl-O shows it)`), this.#options.width());
  }

  #call(call: FinishedCall): readonly string[] {
    const theme = this.#options.theme();
    const { summary, outcome, durationMs, display } = call;
    const marks = {
      ok: theme.success("✓"),
      error: theme.error("✗"),
      denied: theme.warning("⊘ denied"),
      interrupted: theme.warning("⊘ interrupted"),
    };
    const took = durationMs === undefined ? "" : ` ${theme.dim(formatDuration(durationMs))}`;
    const flat = expandTabs(cleanText(summary).replaceAll(/\s+/g, " ")).trim();
    const end = `${marks[outcome]}${took}`;
    const room = this.#options.width() - stringWidth(end) - "●  …".length;
    const [line = "", ...rest] = breakSpans([{ text: flat }], Math.max(8, room));
    const cut = rest.length > 0 ? `${line.trimEnd()}…` : line;
    return [`${theme.accent("●")} ${cut} ${end}`, ...this.#display(display, outcome)];
  }

  #display(display: FinishedCall["display"], outcome: FinishedCall["outcome"]): readonly string[] {
    const theme = this.#options.theme();
    if (display.type === "diff") {
      const width = this.#options.width() - 2;
      const draw = (maxLines: number): string[] =>
        renderDiff(display, { width, theme, maxLines }).map((line) => `  ${line}`);
      const shown = draw(shownDiff);
      const isFolded = draw(shownDiff + 1).length > shownDiff;
      if (!isFolded) return shown;
      this.#keep(() => draw(Number.POSITIVE_INFINITY));
      return [...shown, theme.dim("  (Ctrl-O shows it whole)")];
    }
    if (display.text.trim() === "") return [];
    const style = outcome === "error" ? theme.error : theme.dim;
    return this.#folded(display.text, shownOutput, { style });
  }

  #notice({
    level,
    text,
  }: {
    readonly level: "info" | "warning" | "error";
    readonly text: string;
  }): readonly string[] {
    const theme = this.#options.theme();
    const styles = { info: theme.dim, warning: theme.warning, error: theme.error };
    return this.#indented(text, {
      style: styles[level],
      first: styles[level](level === "info" ? "  " : "! "),
    });
  }
}
