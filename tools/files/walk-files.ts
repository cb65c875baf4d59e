import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** What nobody means who searches a project: histories, dependencies, built and cached things. */
const skippedFolders: ReadonlySet<string> = new Set([
  ".git",
  ".hg",
  ".svn",
  ".cache",
  ".venv",
  "__pycache__",
  "dist",
  "node_modules",
]);

/**
 * The absolute paths of all regular files below a folder, by name. No symlink is followed: one that
 * leads to the workspace leads to what is found anyway. Folders that can't be read are left out.
 */
export async function* walkFiles(folder: string): AsyncGenerator<string> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && !skippedFolders.has(entry.name)) yield* walkFiles(path);
  }
}
