/** Paths that an `@` may be completed to. */
import { opendir, stat } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { join, resolve } from "node:path";
import { rank } from "./rank.ts";

/** Folders that hold what nobody wrote. */
const skippedFolders = new Set([".git", "node_modules", "dist"]);

/** How far a walk goes. */
export interface WalkLimits {
  readonly entries: number;
  readonly timeMs: number;
}

const usualLimits: WalkLimits = { entries: 5000, timeMs: 100 };

/**
 * The best paths for what was typed, relative to `folder` (or as absolute or `../` as the query is),
 * with `/` between their parts and at the end of folders. A query with a slash lists that one folder;
 * one without looks through the whole tree, as far as the limits allow. Folders that are missing or
 * can't be read have nothing in them.
 */
export async function listPaths(folder: string, query: string, limit: number): Promise<string[]> {
  const slash = query.lastIndexOf("/");
  const within = query.slice(0, slash + 1);
  const typed = query.slice(slash + 1);
  if (slash === -1 && typed !== "") {
    const paths = await walkPaths(folder, typed.startsWith("."));
    return rank(paths, typed).slice(0, limit);
  }
  const names = await namesIn(resolve(folder, within), typed.startsWith("."));
  return rank(names, typed)
    .slice(0, limit)
    .map((name) => within + name);
}

/** The tree's paths, the nearest first. Links are listed and not followed. */
export async function walkPaths(
  folder: string,
  withHidden: boolean,
  limits: WalkLimits = usualLimits,
): Promise<string[]> {
  const deadline = performance.now() + limits.timeMs;
  const paths: string[] = [];
  const folders = [""];
  for (const within of folders) {
    if (performance.now() > deadline) break;
    for (const entry of await entriesIn(join(folder, within), withHidden)) {
      if (paths.length >= limits.entries) return paths;
      if (entry.isDirectory() && skippedFolders.has(entry.name)) continue;
      const path = `${within}${entry.name}${entry.isDirectory() ? "/" : ""}`;
      paths.push(path);
      if (entry.isDirectory()) folders.push(path);
    }
  }
  return paths;
}

async function namesIn(folder: string, withHidden: boolean): Promise<string[]> {
  const entries = await entriesIn(folder, withHidden);
  return Promise.all(
    entries.map(async (entry) => {
      const isFolder = entry.isSymbolicLink()
        ? await isFolderAt(join(folder, entry.name))
        : entry.isDirectory();
      return isFolder ? `${entry.name}/` : entry.name;
    }),
  );
}

async function isFolderAt(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

/** In order of their names; of a folder that has more than `usualLimits.entries`, only so many. */
async function entriesIn(folder: string, withHidden: boolean): Promise<Dirent[]> {
  const entries: Dirent[] = [];
  try {
    for await (const entry of await opendir(folder, { bufferSize: 512 })) {
      if (!withHidden && entry.name.startsWith(".")) continue;
      if (canBeMentioned(entry.name)) entries.push(entry);
      // A folder of a million files must not stop the typing.
      if (entries.length >= usualLimits.entries) break;
    }
  } catch {
    return entries;
  }
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** A quote or a control character in a name has no place in `@"…"`. */
function canBeMentioned(name: string): boolean {
  return !/["\p{Cc}]/u.test(name);
}
