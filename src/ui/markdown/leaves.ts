import type { Style, Theme } from "../theme.ts";
import { inlineSpans } from "./inline.ts";
import type { Heading } from "./line-syntax.ts";
import { wrapSpans } from "./wrap.ts";

export interface LeafOptions {
  readonly width: number;
  readonly theme: Theme;
}

export function renderParagraph(text: string, { width, theme }: LeafOptions): string[] {
  return withoutBlankEnds(wrapSpans(inlineSpans(text, { theme }), width));
}

/** References to spaces, `&#32;`, and line breaks may leave lines empty. */
function withoutBlankEnds(lines: readonly string[]): string[] {
  const first = lines.findIndex((line) => line !== "");
  const last = lines.findLastIndex((line) => line !== "");
  return first === -1 ? [] : lines.slice(first, last + 1);
}

/** Without colour the hash signs stay, which nothing else tells. */
export function renderHeading({ depth, text }: Heading, { width, theme }: LeafOptions): string[] {
  const style: Style = depth === 1 ? (part) => theme.underline(theme.heading(part)) : theme.heading;
  const marks = theme.colorLevel === 0 ? [{ text: `${"#".repeat(depth)} ` }] : [];
  return withoutBlankEnds(wrapSpans([...marks, ...inlineSpans(text, { theme, style })], width));
}

export function renderRule({ width, theme }: LeafOptions): string[] {
  return [theme.border("─".repeat(Math.min(width, 40)))];
}
