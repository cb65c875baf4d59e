import type { Style } from "../theme.ts";
import type { Span } from "./wrap.ts";

// oxlint-disable-next-line no-control-regex
const escape = "\u001B";
const bell = "\u0007";
const sequence = new RegExp(
  `${escape}\\[([\\d;:]*)m|${escape}\\]8;[^;${bell}${escape}]*;([^${bell}${escape}]*)(?:${bell}|${escape}\\\\)`,
  "g",
);

/** Which code ends what another began; codes of colours are told apart by their range. */
const endOf: Readonly<Record<number, number>> = { 1: 22, 2: 22, 3: 23, 4: 24, 7: 27, 8: 28, 9: 29 };
const ends = new Set([22, 23, 24, 27, 28, 29, 39, 49]);

/** Text with SGR and OSC 8 sequences as spans, each of which opens and closes what is on in it. */
export function readAnsi(text: string): Span[] {
  if (!text.includes(escape)) return [{ text }];
  const spans: Span[] = [];
  const open = new Map<number, string>();
  let url = "";
  let style: Style | undefined;
  let from = 0;
  for (const match of text.matchAll(sequence)) {
    if (match.index > from) spans.push({ text: text.slice(from, match.index), style });
    from = match.index + match[0].length;
    if (match[1] === undefined) url = match[2] ?? "";
    else apply(match[1], open);
    style = styleOf(open, url);
  }
  if (from < text.length) spans.push({ text: text.slice(from), style });
  return spans;
}

/** Codes that are on, by the code that ends them. */
function apply(parameters: string, open: Map<number, string>): void {
  const codes = parameters.split(";").map(Number);
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0;
    const end = endOf[code] ?? colorEnd(code);
    if (code === 0) open.clear();
    else if (ends.has(code)) open.delete(code);
    else if (end !== undefined) {
      const length = code === 38 || code === 48 ? (codes[index + 1] === 2 ? 5 : 3) : 1;
      const opening = `\u001B[${codes.slice(index, index + length).join(";")}m`;
      const before = end === 22 ? (open.get(end) ?? "") : ""; // bold and faint have one end
      if (!before.includes(opening)) open.set(end, before + opening);
      index += length - 1;
    }
  }
}

function colorEnd(code: number): number | undefined {
  if ((code >= 30 && code <= 38) || (code >= 90 && code <= 97)) return 39;
  if ((code >= 40 && code <= 48) || (code >= 100 && code <= 107)) return 49;
  return undefined;
}

function styleOf(open: ReadonlyMap<number, string>, url: string): Style | undefined {
  if (open.size === 0 && url === "") return undefined;
  const start = [...open.values()].join("");
  const end = [...open.keys()].map((code) => `\u001B[${code}m`).join("");
  return (text) => {
    const shown = `${start}${text}${end}`;
    return url === "" ? shown : hyperlink(shown, url);
  };
}

/** Text that a terminal opens the address for. The address must hold printable ASCII only. */
export function hyperlink(text: string, url: string): string {
  return `\u001B]8;;${url}\u001B\\${text}\u001B]8;;\u001B\\`;
}
