import type { Theme } from "../theme.ts";
import type { Container, Item, Spacing } from "./blocks.ts";
import type { Span } from "./wrap.ts";

export interface WriterOptions {
  /** Columns of the screen, asked for whenever lines are made. */
  readonly width: () => number;
  readonly theme: Theme;
}

/** Puts the lines of blocks one below the other, with what their containers show beside them. */
export class BlockWriter {
  readonly theme: Theme;
  readonly #width: () => number;
  #lines: string[] = [];
  #before: readonly Container[] | undefined;

  constructor({ width, theme }: WriterOptions) {
    this.theme = theme;
    this.#width = width;
  }

  /** Lines since the last call. */
  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** A writer that goes on from here with its own lines. */
  fork(): BlockWriter {
    const copy = new BlockWriter({ width: this.#width, theme: this.theme });
    copy.#before = this.#before;
    return copy;
  }

  /**
   * Adds the lines that `render` makes for the columns left. The markers of items on the path are
   * shown with their first line, and the items told so.
   */
  write(
    path: readonly Container[],
    spacing: Spacing,
    render: (width: number) => readonly string[],
  ): void {
    const screen = Math.max(2, this.#width());
    // Text keeps half of a narrow screen, and of one too narrow for both all.
    const prefixWidth = screen < 4 ? 0 : Math.min(widthOf(path), Math.floor(screen / 2));
    const lines = render(screen - prefixWidth);
    if (lines.length === 0 || (prefixWidth === 0 && lines.every((line) => line === ""))) return;
    const blank = this.#blankLine(path, spacing);
    if (blank !== undefined) this.#lines.push(this.#beside(blank, prefixWidth).trimEnd());
    this.#before = [...path];
    for (const line of lines) {
      const prefix = this.#beside(path.map(markOf), prefixWidth);
      this.#lines.push(line === "" ? prefix.trimEnd() : prefix + line);
      for (const container of path) if (container.type === "item") container.isShown = true;
    }
  }

  /** What stands beside the blank line before a block, if there is one. */
  #blankLine(path: readonly Container[], spacing: Spacing): Span[] | undefined {
    const before = this.#before;
    if (before === undefined || spacing === "continued") return undefined;
    let shared = 0;
    while (shared < path.length && before[shared]?.id === path[shared]?.id) shared++;
    const isInList =
      path.slice(0, shared).some(({ type }) => type === "item") ||
      areSiblings(before[shared], path[shared]);
    if (isInList && spacing === "adjacent") return undefined;
    return path.slice(0, shared).map(markOf);
  }

  /** The last columns of marks, so that the one nearest to the text is shown where all don't fit. */
  #beside(marks: readonly Span[], width: number): string {
    const { theme } = this;
    let left = marks.reduce((sum, { text }) => sum + text.length, 0);
    return marks
      .map(({ text }) => {
        const shown = text.slice(Math.max(0, Math.min(text.length, left - width)));
        left -= text.length;
        if (shown.trim() === "") return shown;
        return (
          (shown.startsWith("│") ? theme.border : theme.marker)(shown.trimEnd()) +
          " ".repeat(shown.length - shown.trimEnd().length)
        );
      })
      .join("");
  }
}

function areSiblings(one: Container | undefined, other: Container | undefined): boolean {
  return one?.type === "item" && other?.type === "item" && one.list === other.list;
}

function markOf(container: Container): Span {
  if (container.type === "quote") return { text: "│ " };
  return { text: container.isShown ? " ".repeat(markerOf(container).length) : markerOf(container) };
}

function widthOf(path: readonly Container[]): number {
  return path.reduce((sum, container) => sum + markOf(container).text.length, 0);
}

function markerOf({ kind, number, task }: Item): string {
  const marker = kind === "." || kind === ")" ? `${number}${kind} ` : "";
  return `${marker || (task === undefined ? "• " : "")}${task ?? ""}`;
}
