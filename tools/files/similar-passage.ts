import type { Passage, Replacement } from "./passage.ts";

/**
 * The first passages, at most so many, of whole lines that differ from `old` in whitespace or Unicode normal form only. Lines
 * that `new` shares with `old` at its ends stay as the file has them, the others are indented as the
 * file's are. None for an `old` that is blank.
 */
export function findSimilarPassages(text: string, wanted: Replacement, most: number): Passage[] {
  const endsLine = wanted.old.endsWith("\n");
  const oldLines = withoutLastBreak(wanted.old).split("\n");
  const keys = oldLines.map(lineKey);
  if (keys.every((key) => key === "")) return [];
  const lines = text.split("\n");
  const textKeys = lines.map(lineKey);
  const passages: Passage[] = [];
  let start = 0;
  for (const [first, line] of lines.entries()) {
    if (keys.every((key, index) => key === textKeys[first + index])) {
      const present = lines.slice(first, first + keys.length);
      const end = start + present.join("\n").length;
      // A last line without a break stays one.
      const isBroken = endsLine && end < text.length;
      const made = endsLine && !isBroken ? withoutLastBreak(wanted.new) : wanted.new;
      passages.push({
        start,
        end: isBroken ? end + 1 : end,
        replacement: fitted({ present, oldLines, new: made, isBroken }),
        note: `${lineRange(first + 1, keys.length)} did not match old exactly; the file's whitespace was kept`,
      });
    }
    if (passages.length === most) break;
    start += line.length + 1;
  }
  return passages;
}

function lineKey(line: string): string {
  return line.normalize().trim().replaceAll(/\s+/g, " ");
}

function withoutLastBreak(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

function lineRange(first: number, count: number): string {
  return count === 1 ? `line ${first}` : `lines ${first} to ${first + count - 1}`;
}

interface LinesToFit {
  readonly present: readonly string[];
  readonly oldLines: readonly string[];
  readonly new: string;
  /** Whether the passage ends with a line break. */
  readonly isBroken: boolean;
}

function fitted({ present, oldLines, new: text, isBroken }: LinesToFit): string {
  const lastBreak = isBroken && text.endsWith("\n") ? "\n" : "";
  const newLines = (lastBreak === "" ? text : withoutLastBreak(text)).split("\n");
  const most = Math.min(oldLines.length, newLines.length);
  let head = 0;
  while (head < most && oldLines[head] === newLines[head]) head++;
  let tail = 0;
  while (tail < most - head && oldLines.at(-tail - 1) === newLines.at(-tail - 1)) tail++;
  const first = oldLines.findIndex((line) => line.trim() !== "");
  const from = indentOf(oldLines[first] ?? "");
  const to = indentOf(present[first] ?? "");
  return (
    [
      ...present.slice(0, head),
      ...newLines.slice(head, newLines.length - tail).map((line) => reindented(line, from, to)),
      ...present.slice(present.length - tail),
    ].join("\n") + lastBreak
  );
}

function indentOf(line: string): string {
  return /^[ \t]*/.exec(line)?.[0] ?? "";
}

/** A line whose block is indented by `to` instead of `from`. */
function reindented(line: string, from: string, to: string): string {
  if (line.trim() === "") return line;
  const indent = indentOf(line);
  const rest = line.slice(indent.length);
  if (indent.startsWith(from)) return to + indent.slice(from.length) + rest;
  // Less than the first line's: as much less of the file's.
  return to.slice(0, Math.max(0, to.length - (from.length - indent.length))) + rest;
}
