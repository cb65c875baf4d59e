/** Reads a value from text. @throws Error saying what the text is not. */
export type Reader = (text: string) => string | number | boolean | readonly string[];

export function someText(text: string): string {
  if (text.trim() === "") throw new Error("is empty");
  return text;
}

export function readUrl(text: string): string {
  if (text === "") return text; // says that there is no server
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Error("is not an http:// or https:// address");
  if (url.username || url.password) throw new Error("has a user name or password in it");
  if (url.search || url.hash) throw new Error("has a query, to which no path can be added");
  return text.replace(/\/+$/, "");
}

export function readKey(text: string): string {
  if (/[^\x21-\x7e]/.test(text))
    throw new Error("has a line break, a space or another character that no key has");
  return text;
}

export function oneOf(choices: readonly string[]): Reader {
  return (text) => {
    if (!choices.includes(text)) throw new Error(`is none of ${choices.join(", ")}`);
    return text;
  };
}

export function number(least: number, most = Number.POSITIVE_INFINITY): Reader {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= least && value <= most))
      throw new Error(`is not a number ${range(least, most)}`);
    return value;
  };
}

export function integer(least: number, most = Number.MAX_SAFE_INTEGER): Reader {
  return (text) => {
    if (!/^\d+$/.test(text) || Number(text) < least || Number(text) > most) {
      throw new Error(`is not a whole number ${range(least, most)}`);
    }
    return Number(text);
  };
}

/** A whole number of at least 0, or one of some words. */
export function integerOr(words: readonly string[]): Reader {
  return (text) => {
    if (words.includes(text)) return text;
    if (!/^\d{1,9}$/.test(text))
      throw new Error(`is neither a whole number nor ${words.join(", ")}`);
    return Number(text);
  };
}

function range(least: number, most: number): string {
  return most >= Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
}

export function readBoolean(text: string): boolean {
  if (text !== "true" && text !== "false") throw new Error("is neither true nor false");
  return text === "true";
}

/** Approval rules: names with an optional pattern in parentheses, which may have commas in it. */
export function readRules(text: string): readonly string[] {
  // Nothing is skipped: half a rule would be another one, and may allow more.
  const pieces = text.match(/(?:\((?:\\[\s\S]|[^\\)])*\)|[^,])+/g) ?? [];
  const rules = pieces.map((piece) => piece.trim()).filter((piece) => piece !== "");
  const wrong = rules.find((rule) => !/^[\w.-]+(?:\((?:\\[\s\S]|[^\\)])*\))?$/.test(rule));
  if (wrong !== undefined || (rules.length === 0 && text.trim() !== "")) {
    throw new Error("is no list of rules such as write, run_command(git status *)");
  }
  return rules;
}
