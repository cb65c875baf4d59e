import { lstat } from "node:fs/promises";
import { basename, relative, sep } from "node:path";
import picomatch from "picomatch";
import type { Tool, ToolContext, ToolResult } from "../src/agent/tool.ts";
import { lineMatcher, PatternTimeout, type LineMatcher } from "./files/line-matcher.ts";
import { fitting, listOutput } from "./files/list-output.ts";
import { oneLine } from "./files/one-line.ts";
import { fileError, openRegularFile } from "./files/regular-file.ts";
import { firstCharacters } from "./files/spill.ts";
import { walkFiles } from "./files/walk-files.ts";
import { resolveForReading, type WorkspacePath } from "./files/workspace.ts";

const mostMatches = 200;
const longestLine = 300;
const largestFileBytes = 5_000_000;

interface Search {
  readonly pattern: string;
  readonly path?: string;
  readonly glob?: string;
}

/**
 * Lines of text files that match. Folders of dependencies, histories and built things (`walk-files.ts`)
 * are skipped unless the search begins in one, and so are binary and large files; `.gitignore` is not read.
 */
export const searchFiles: Tool = {
  name: "search_files",
  description: "Search the files for a text or regular expression.",
  parameters: {
    type: "object",
    properties: {
      pattern: { type: "string", description: "Text or regular expression" },
      path: { type: "string", description: "Folder to search in" },
      glob: { type: "string", description: "Only files that match, for example *.ts" },
    },
    required: ["pattern"],
  },
  effect: "read",
  prepare(input) {
    const search = input as Search;
    if (search.pattern === "") throw new Error("the pattern is empty");
    const { name } = resolveForReading(search.path ?? ".");
    return {
      summary: `search ${name} for ${oneLine(search.pattern)}`,
      subject: name,
      start: (context) => findMatches(search, context),
    };
  },
};

async function findMatches(search: Search, { signal }: ToolContext): Promise<ToolResult> {
  const start = resolveForReading(search.path ?? ".");
  const match = lineMatcher(search.pattern);
  const found: string[] = [];
  let isLineCut = false;
  let largeFiles = 0;
  for await (const file of filesToSearch(start, search.glob)) {
    signal.throwIfAborted();
    const text = await searchableText(file);
    if (text === "too large") largeFiles++;
    else if (text === undefined) {
      if (file === start) throw new Error(`${file.name} is a binary file, or can't be read`);
    } else {
      for (const { number, line } of matchesOf(match, text.content, file.name)) {
        const shown = firstCharacters(line, longestLine);
        isLineCut ||= shown !== line;
        found.push(`${file.name}:${number}: ${shown === line ? line : `${shown}…`}`);
      }
    }
    if (found.length > mostMatches) break;
  }
  const matches = fitting(found.slice(0, mostMatches));
  const notes = [
    matches.length < found.length
      ? `only the first ${matches.length} matches; narrow the search with path or glob`
      : "",
    isLineCut ? `lines are cut after ${longestLine} characters` : "",
    largeFiles > 0 ? `not searched: files over ${largestFileBytes / 1e6} MB (${largeFiles})` : "",
  ].filter((note) => note !== "");
  const note = notes.length > 0 ? notes.join("; ") : undefined;
  return listOutput("matches", { items: matches, note });
}

function matchesOf(match: LineMatcher, text: string, name: string): ReturnType<LineMatcher> {
  try {
    return match(text, mostMatches + 1);
  } catch (cause) {
    if (!(cause instanceof PatternTimeout)) throw cause;
    throw new Error(`the pattern takes too long in ${name}; simplify it`, { cause });
  }
}

/** A glob without a slash is matched against the file's name, else its path from the workspace or the folder. */
async function* filesToSearch(
  start: WorkspacePath,
  glob: string | undefined,
): AsyncGenerator<WorkspacePath> {
  try {
    if (!(await lstat(start.path)).isDirectory()) return yield start;
  } catch (cause) {
    throw await fileError(cause, start);
  }
  const isWanted = glob === undefined ? () => true : picomatch(glob, { dot: true });
  for await (const path of walkFiles(start.path)) {
    const inFolder = relative(start.path, path).split(sep).join("/");
    const name = start.name === "." ? inFolder : `${start.name}/${inFolder}`;
    const names = glob?.includes("/") ? [inFolder, name] : [basename(path)];
    if (names.some((candidate) => isWanted(candidate))) yield { path, name };
  }
}

/** `undefined` for what is no text or can't be read. Bytes that are no UTF-8 are no obstacle. */
async function searchableText(
  file: WorkspacePath,
): Promise<{ readonly content: string } | "too large" | undefined> {
  try {
    const handle = await openRegularFile(file);
    try {
      if ((await handle.stat()).size > largestFileBytes) return "too large";
      const bytes = await handle.readFile();
      return bytes.includes(0) ? undefined : { content: bytes.toString("utf8") };
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
}
