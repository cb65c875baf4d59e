/** What a line of Markdown begins, told by the line alone. Lines hold no tab. */

export interface FenceStart {
  /** The backticks or tildes, which the end repeats at least. */
  readonly fence: string;
  readonly indent: number;
  readonly language: string;
}

export interface ItemStart {
  /** `-`, `*`, `+`, or of an ordered list `.` or `)`: items of one list have the same. */
  readonly kind: string;
  readonly number: number;
  /** Columns up to the item's text, which its further lines are indented by. */
  readonly indent: number;
  readonly isEmpty: boolean;
}

export const isBlank = (line: string): boolean => line.trim() === "";

export const indentOf = (line: string): number => line.length - line.trimStart().length;

export function readFence(line: string): FenceStart | undefined {
  const match = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,}) *([^ ]*)/.exec(line);
  if (match === null) return undefined;
  const [, indent = "", fence = "", language = ""] = match;
  return { fence, indent: indent.length, language };
}

export function endsFence(line: string, fence: string): boolean {
  const text = line.trim();
  return (
    text.length >= fence.length &&
    indentOf(line) < 4 &&
    /^(?:`+|~+)$/.test(text) &&
    text[0] === fence[0]
  );
}

export interface Heading {
  readonly depth: number;
  readonly text: string;
}

export function readHeading(line: string): Heading | undefined {
  const match = /^ {0,3}(#{1,6})(?= |$)/.exec(line);
  if (match === null) return undefined;
  const text = line.slice(match[0].length).trim();
  let end = text.length;
  while (text[end - 1] === "#") end--;
  const isClosed = end === 0 || text[end - 1] === " ";
  return { depth: match[1]?.length ?? 1, text: isClosed ? text.slice(0, end).trim() : text };
}

export const isRule = (line: string): boolean =>
  indentOf(line) < 4 && /^(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$/.test(line.trim());

/** The depth of the heading that a line under a paragraph makes of it. */
export function underlineDepth(line: string): number | undefined {
  const match = /^ {0,3}(?:(=+)|-+) *$/.exec(line);
  if (match === null) return undefined;
  return match[1] === undefined ? 2 : 1;
}

/** What follows the `>` of a quote. */
export function afterQuote(line: string): string | undefined {
  const match = /^ {0,3}> ?/.exec(line);
  return match === null ? undefined : line.slice(match[0].length);
}

export function readItem(line: string): ItemStart | undefined {
  if (isRule(line)) return undefined;
  const match = /^ {0,3}(?:([-+*])|(\d{1,9})([.)]))(?: |$)/.exec(line);
  if (match === null) return undefined;
  const marker = match[0].trimEnd().length;
  const text = line.slice(marker);
  const isEmpty = isBlank(text);
  // More than four spaces are one, and indented code.
  const spaces = isEmpty || indentOf(text) > 4 ? 1 : indentOf(text);
  const kind = match[1] ?? match[3] ?? "-";
  return { kind, number: Number(match[2] ?? 0), indent: marker + spaces, isEmpty };
}

export const isBullet = (kind: string): boolean => kind !== "." && kind !== ")";

const blockTags =
  "address|article|aside|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|nav|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul";
const blockTag = new RegExp(`^</?(?:${blockTags})(?:[ >]|/>|$)`, "i");
const loneTag = /^(?:<[a-z][a-z0-9-]*(?: [^<>]*)?>|<\/[a-z][a-z0-9-]* *>) *$/i;
const verbatimTag = /^<(script|pre|style|textarea)(?:[ >]|$)/i;

/**
 * HTML that begins with a line: the text that ends it, or `""` where a blank line does.
 * A paragraph is not ended by a lone tag of a name that is no block's.
 */
export function readHtml(line: string, isAfterText: boolean): string | undefined {
  const text = line.trimStart();
  if (!text.startsWith("<") || indentOf(line) > 3) return undefined;
  const tag = verbatimTag.exec(text)?.[1];
  if (tag !== undefined) return `</${tag.toLowerCase()}>`;
  if (text.startsWith("<!--")) return "-->";
  if (text.startsWith("<?")) return "?>";
  if (text.startsWith("<![CDATA[")) return "]]>";
  if (/^<![a-z]/i.test(text)) return ">";
  if (blockTag.test(text) || (!isAfterText && loneTag.test(text))) return "";
  return undefined;
}
