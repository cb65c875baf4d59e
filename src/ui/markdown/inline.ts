import { Lexer } from "marked";
import type { Token, Tokens } from "marked";
import type { Style, Theme } from "../theme.ts";
import { hyperlink } from "./ansi.ts";
import { ChatTokenizer } from "./chat-tokenizer.ts";
import { cleanText } from "./clean-text.ts";
import { decodeEntities } from "./entities.ts";
import type { Span } from "./wrap.ts";

export interface InlineOptions {
  readonly theme: Theme;
  /** What all of the text is shown in, such as a heading's style. */
  readonly style?: Style | undefined;
  /** Whether `<br>` is a line break, as tables need it; else it is text, as all HTML. */
  readonly isCell?: boolean;
}

/**
 * Marked takes length × marks steps at worst, up to 0.1 µs each. A text of more is not Markdown that
 * somebody wrote.
 */
const mostSteps = 250_000;

/**
 * A paragraph's text as spans: emphasis, code, links. Line breaks that are no hard ones become
 * spaces, or nothing between wide characters. The text must be clean of control characters.
 * Text that would take too long, or that Marked fails on, is shown as it is.
 */
export function inlineSpans(text: string, options: InlineOptions): Span[] {
  const spans: Span[] = [];
  const source = text.replaceAll(/^ +/gm, "").trimEnd();
  const marks = source.match(/[*_[\]<`~\\@&]/g)?.length ?? 0;
  try {
    if (marks * source.length > mostSteps) throw new RangeError("too many marks");
    const lexer = new Lexer({ gfm: true, tokenizer: new ChatTokenizer() });
    new InlineWriter(options, spans).all(lexer.inlineTokens(source), options.style);
  } catch {
    return [{ text: joined(source), style: options.style }];
  }
  return spans;
}

/** Soft line breaks as what separates words in the language around them. */
function joined(text: string): string {
  if (!text.includes("\n")) return text;
  return text.replaceAll(
    / ?\n(?<=([^\n]) ?\n)(?=([^\n])?)/g,
    (_, before?: string, after?: string) => (isWide(before) && isWide(after) ? "" : " "),
  );
}

function isWide(character: string | undefined): boolean {
  return character !== undefined && /[\u2E80-\u9FFF\uF900-\uFAFF\uFF01-\uFF60]/.test(character);
}

class InlineWriter {
  readonly #theme: Theme;
  readonly #isCell: boolean;
  readonly #spans: Span[];

  constructor({ theme, isCell = false }: InlineOptions, spans: Span[]) {
    this.#theme = theme;
    this.#isCell = isCell;
    this.#spans = spans;
  }

  all(tokens: readonly Token[], style: Style | undefined): void {
    for (const token of tokens) this.#one(token, style);
  }

  #one(token: Token, style: Style | undefined): void {
    const theme = this.#theme;
    switch (token.type) {
      case "strong":
        return this.all(token.tokens ?? [], both(theme.bold, style));
      case "em":
        return this.all(token.tokens ?? [], both(theme.italic, style));
      case "del":
        return this.#struck(token, style);
      case "codespan":
        return this.#code(token as Tokens.Codespan, style);
      case "br":
        return this.#add("\n", undefined);
      case "link":
        return this.#link(token as Tokens.Link, style);
      case "image":
        return this.#image(token as Tokens.Image, style);
      case "escape":
        return this.#add((token as Tokens.Escape).text, style);
      case "text":
        return this.#add(decodeEntities(joined(token.raw)), style); // its text is decoded in part
      default:
        if (this.#isCell && /^<br *\/?>$/i.test(token.raw)) return this.#add("\n", undefined);
        return this.#add(joined(token.raw), style);
    }
  }

  /** Without colour the marks stay, since they turn the meaning. */
  #struck(token: Tokens.Generic, style: Style | undefined): void {
    const mark = this.#theme.colorLevel === 0 ? "~~" : "";
    this.#add(mark, style);
    this.all(token.tokens ?? [], both(this.#theme.strike, style));
    this.#add(mark, style);
  }

  #code({ text }: Tokens.Codespan, style: Style | undefined): void {
    const code = joined(text);
    if (this.#theme.colorLevel > 0) return this.#add(code, both(this.#theme.code, style));
    const fence = code.includes("`") ? "``" : "`";
    this.#add(`${fence}${code}${fence}`, style);
  }

  #link(token: Tokens.Link, style: Style | undefined): void {
    const theme = this.#theme;
    const href = decodeEntities(token.href);
    const url = theme.hyperlinks ? safeUrl(href) : undefined;
    const shown: Style =
      url === undefined ? theme.link : (text) => hyperlink(theme.link(text), url);
    this.all(token.tokens ?? [], both(shown, style));
    const label = decodeEntities(token.text);
    const isLabel = label === href || href === `mailto:${label}` || href === `http://${label}`;
    if (url === undefined && href !== "" && !isLabel)
      this.#add(` (${href})`, both(theme.dim, style));
  }

  #image({ text, href }: Tokens.Image, style: Style | undefined): void {
    this.#add(`[image: ${decodeEntities(joined(text))}]`, style);
    this.#add(` ${decodeEntities(href)}`, both(this.#theme.dim, style));
  }

  /** Cleans once more: Marked decodes references to control characters in places. */
  #add(text: string, style: Style | undefined): void {
    if (text !== "") this.#spans.push({ text: cleanText(text), style });
  }
}

function both(inner: Style, outer: Style | undefined): Style {
  return outer === undefined ? inner : (text) => outer(inner(text));
}

/** An address that a terminal may be given: of a known scheme, in printable ASCII. */
function safeUrl(href: string): string | undefined {
  if (!/^(?:https?:\/\/|mailto:)/i.test(href)) return undefined;
  const url = href
    .toWellFormed()
    .replaceAll(/[^\u0021-\u007E]/gu, (character) => encodeURIComponent(character));
  return url.length <= 2000 ? url : undefined;
}
