import type { Passage, Replacement } from "./passage.ts";
import { findSimilarPassages } from "./similar-passage.ts";
import { mostSimilar } from "./similarity.ts";

/**
 * The one passage of a text that is `old`; if none is, the one that differs from it in whitespace only.
 * @throws Error for several, naming their lines; for none, showing the lines most like it.
 */
export function findPassage(text: string, wanted: Replacement, name: string): Passage {
  const exact = onlyPassage(text, wanted, name);
  if (exact) return exact;
  const similar = findSimilarPassages(text, wanted, mostNamed + 1);
  const [found] = similar;
  if (found === undefined) throw notFound(text, wanted.old, name);
  if (similar.length > 1)
    throw ambiguous(
      similar.map(({ start }) => lineAt(text, start)),
      name,
    );
  return found;
}

/** The one passage that is `old` to the letter. @throws Error for several. */
export function onlyPassage(text: string, wanted: Replacement, name: string): Passage | undefined {
  const starts: number[] = [];
  for (let at = text.indexOf(wanted.old); at !== -1; at = text.indexOf(wanted.old, at + 1)) {
    starts.push(at);
    if (starts.length > mostNamed) break;
  }
  const [start] = starts;
  if (start === undefined) return undefined;
  if (starts.length > 1)
    throw ambiguous(
      starts.map((offset) => lineAt(text, offset)),
      name,
    );
  return { start, end: start + wanted.old.length, replacement: wanted.new };
}

const mostNamed = 10;

function ambiguous(lines: readonly number[], name: string): Error {
  const unique = [...new Set(lines)];
  const named = unique.slice(0, mostNamed);
  const list =
    unique.length > mostNamed
      ? `lines ${named.join(", ")} and more`
      : unique.length === 1
        ? `line ${named[0]} more than once`
        : `lines ${named.slice(0, -1).join(", ")} and ${named.at(-1)}`;
  return new Error(
    `old is not unique: it is in ${name} in ${list}; give more of the text around it`,
  );
}

const mostLinesShown = 5;
const mostLinesCompared = 50_000;
const longestLineShown = 200;

function notFound(text: string, old: string, name: string): Error {
  if (text === "") return new Error(`old is not in ${name}, which is empty`);
  const lines = text.split("\n");
  const wanted = old.split("\n");
  const telling = wanted.findIndex((line) => line.trim() !== "");
  const nearest = mostSimilar(wanted[telling] ?? "", lines.slice(0, mostLinesCompared));
  if (telling === -1 || nearest === undefined)
    return new Error(`old is not in ${name}, nor anything like it; read it again`);
  const length = Math.min(wanted.length - telling, mostLinesShown);
  const shown = lines
    .slice(nearest, nearest + length)
    .map((line, index) => `${nearest + index + 1}: ${line.slice(0, longestLineShown)}`);
  return new Error(`old is not in ${name}; most like it is:\n${shown.join("\n")}`);
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1))
    line++;
  return line;
}
