import { createContext, Script } from "node:vm";

export interface LineMatch {
  /** From 1. */
  readonly number: number;
  readonly line: string;
}

/** @throws PatternTimeout */
export type LineMatcher = (text: string, most: number) => LineMatch[];

/** The pattern took too long on a text. */
export class PatternTimeout extends Error {}

const script = new Script("search()");

/**
 * Finds the lines that match a regular expression or hold it as it is written, so that `f(x)` finds
 * calls of f. A pattern that is no regular expression is text only. `(?i)` may begin it.
 *
 * `(a+)+$` can take years on forty letters, and no signal or timer reaches into it. `node:vm` ends what
 * runs too long, also within a regular expression, and needs no worker, which would be a second
 * bundle, or code in a string. It costs 0.2 ms a text, and holds up the program for `limitMs` at worst.
 */
export function lineMatcher(pattern: string, limitMs = 1_000): LineMatcher {
  const expression = regularExpression(pattern);
  const isMatch = (line: string): boolean =>
    line.includes(pattern) || (expression?.test(line) ?? false);
  const sandbox: { search?: () => LineMatch[] } = {};
  const context = createContext(sandbox);
  return (text, most) => {
    sandbox.search = () => matchingLines(text, { isMatch, most });
    try {
      return script.runInContext(context, { timeout: limitMs }) as LineMatch[];
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw cause;
      throw new PatternTimeout("the pattern takes too long", { cause });
    }
  };
}

interface Search {
  readonly isMatch: (line: string) => boolean;
  readonly most: number;
}

function matchingLines(text: string, { isMatch, most }: Search): LineMatch[] {
  const matches: LineMatch[] = [];
  let number = 0;
  for (let from = 0; from < text.length && matches.length < most;) {
    const lineEnd = text.indexOf("\n", from);
    const to = lineEnd === -1 ? text.length : lineEnd;
    const line = text.slice(from, text[to - 1] === "\r" && to > from ? to - 1 : to);
    number++;
    if (isMatch(line)) matches.push({ number, line });
    from = to + 1;
  }
  return matches;
}

function regularExpression(pattern: string): RegExp | undefined {
  const [, insensitive, source = ""] = /^(\(\?i\))?(.*)$/s.exec(pattern) ?? [];
  const flag = insensitive === undefined ? "" : "i";
  // `u` knows whole characters and \p{L}, and refuses needless escapes such as \-.
  for (const flags of [`u${flag}`, flag]) {
    try {
      return new RegExp(source, flags);
    } catch {
      continue;
    }
  }
  return undefined;
}
