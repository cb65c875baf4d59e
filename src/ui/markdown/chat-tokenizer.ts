import { Tokenizer } from "marked";
import type { Tokens } from "marked";

/** `**bold**` without other markup in it. Its ends touch no space and no further asterisk. */
const plainStrong = /^\*\*(?![\s*])([^*`[\]<\\_~\n]+?)(?<!\s)\*\*(?!\*)/;

/** Characters at which a bare address ends in Chinese and Japanese text, which has no spaces. */
const wideSpaceOrPunctuation =
  /[\u3000-\u303F\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65“”‘’…]/;

/**
 * Marked's rules for text within a block, but for three things that go wrong in the text that
 * models write in Chinese and Japanese.
 */
export class ChatTokenizer extends Tokenizer {
  /** `**注意：**然后` is bold, though an end between punctuation and letter is none in CommonMark. */
  override emStrong(
    source: string,
    masked: string,
    before = "",
  ): Tokens.Em | Tokens.Strong | undefined {
    const match = before === "*" ? null : plainStrong.exec(source);
    if (match === null) return super.emStrong(source, masked, before);
    const text = match[1] ?? "";
    return { type: "strong", raw: match[0], text, tokens: this.lexer.inlineTokens(text) };
  }

  /** One tilde is a range, `10~20`. */
  override del(source: string, masked: string, before = ""): Tokens.Del | undefined {
    return source.startsWith("~~") ? super.del(source, masked, before) : undefined;
  }

  /** An address ends at `。`. */
  override url(source: string): Tokens.Link | undefined {
    if (!/^(?:https?:\/\/|ftp:\/\/|www\.)/i.test(source)) return super.url(source);
    const end = source.search(wideSpaceOrPunctuation);
    return super.url(end === -1 ? source : source.slice(0, end));
  }
}
