import type { Theme } from "../theme.ts";
import { cleanText, expandTabs } from "./clean-text.ts";
import { CodeLines } from "./code-lines.ts";
import { StreamingMarkdown } from "./streaming.ts";

export interface RenderOptions {
  /** Columns that no line is wider than; less than 2 count as 2, which a wide character takes. */
  readonly width: number;
  readonly theme: Theme;
}

/**
 * Markdown as lines for a terminal, with one blank line between blocks. No control character of
 * the text is among them, no HTML is left out, and nothing is thrown whatever the text.
 */
export function renderMarkdown(text: string, { width, theme }: RenderOptions): string[] {
  const stream = new StreamingMarkdown({ width: () => width, theme });
  return [...stream.push(text), ...stream.end()];
}

/** Code as lines for a terminal, indented and coloured as a fenced block of Markdown. */
export function renderCode(
  code: string,
  language: string,
  { width, theme }: RenderOptions,
): string[] {
  const lines = CodeLines.code(language, theme);
  return cleanText(code)
    .split("\n")
    .flatMap((line) => lines.next(expandTabs(line), Math.max(2, width)));
}
