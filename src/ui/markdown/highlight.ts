import type { HLJSApi } from "highlight.js";
import type { Style, Theme } from "../theme.ts";
import type { Span } from "./wrap.ts";

let highlighter: HLJSApi | undefined;
let loading: Promise<void> | undefined;

/** Loads what colours code, once. Until then, and if it fails, code is plain. */
export function loadHighlighter(): Promise<void> {
  loading ??= import("./languages.ts")
    .then((module) => {
      highlighter = module.languages();
    })
    .catch(() => undefined);
  return loading;
}

/** Whether the language, by a name or alias, is known to the highlighter that is loaded. */
export function knowsLanguage(language: string): boolean {
  return language !== "" && highlighter?.getLanguage(language) !== undefined;
}

/** Lines longer than this are data, which takes long to colour. */
const longestLine = 1000;
/** What is read again with each line, at most, to know what the line stands in. */
const longestContext = 600;

/**
 * Colours the lines of one code block as they come, in time linear in their length: of what came
 * before it reads only the lines since the last one that ended outside of all comments, strings
 * and the like; when those are many, only the first, which began it.
 */
export class LineHighlighter {
  readonly #language: string;
  readonly #theme: Theme;
  #context = "";

  /** The language must be known. */
  constructor(language: string, theme: Theme) {
    this.#language = language;
    this.#theme = theme;
  }

  next(line: string): Span[] {
    if (highlighter === undefined || line.length > longestLine) return [{ text: line }];
    const code = `${this.#context}${line}\n`;
    const result = highlighter.highlight(code, { language: this.#language, ignoreIllegals: true });
    const isInside = (result._top as { parent?: unknown } | undefined)?.parent !== undefined;
    const first = code.slice(0, code.indexOf("\n") + 1);
    const isLong = code.length > longestContext;
    const offset = this.#context.length;
    this.#context = isInside ? (isLong ? first : code) : "";
    return spansFrom(result.value, offset, this.#theme);
  }

  /** The same state, to go on from here without changing this one. */
  fork(): LineHighlighter {
    const copy = new LineHighlighter(this.#language, this.#theme);
    copy.#context = this.#context;
    return copy;
  }
}

/** Spans of the HTML that highlight.js writes, from an offset of the code on, less the last break. */
function spansFrom(html: string, offset: number, theme: Theme): Span[] {
  const spans: Span[] = [];
  const open: (Style | undefined)[] = [];
  let at = 0;
  for (const [, scope, end, escaped] of html.matchAll(
    /<span class="([^"]*)">|(<\/span>)|([^<]+)/g,
  )) {
    if (scope !== undefined) open.push(styleOf(scope, theme) ?? open.at(-1));
    else if (end !== undefined) open.pop();
    else if (escaped !== undefined) {
      const text = unescaped(escaped);
      const shown = text.slice(Math.max(0, offset - at)).replace(/\n$/, "");
      if (shown !== "") spans.push({ text: shown, style: open.at(-1) });
      at += text.length;
    }
  }
  return spans;
}

/** `hljs-title function_` is the scope `title.function`. */
function styleOf(classes: string, { syntax }: Theme): Style | undefined {
  const [first = "", second] = classes.split(" ");
  const scope = first.replace("hljs-", "");
  const narrow = second === undefined ? undefined : syntax[`${scope}.${second.replace(/_+$/, "")}`];
  return narrow ?? syntax[scope];
}

const escapes: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#x27;": "'",
};

function unescaped(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(/&(?:amp|lt|gt|quot|#x27);/g, (reference) => escapes[reference] ?? "");
}
