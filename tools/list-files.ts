import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Tool, ToolContext, ToolResult } from "../src/agent/tool.ts";
import { fitting, listOutput } from "./files/list-output.ts";
import { fileError } from "./files/regular-file.ts";
import { resolveInWorkspace } from "./files/workspace.ts";

const mostNames = 1_000;

/** The names in one folder, hidden ones too; those of folders end with a slash. */
export const listFiles: Tool = {
  name: "list_files",
  description: "List the files and folders in a folder.",
  parameters: {
    type: "object",
    properties: { path: { type: "string", description: "Path of the folder" } },
    required: ["path"],
  },
  effect: "read",
  prepare(input) {
    const { path } = input as { path: string };
    const { name } = resolveInWorkspace(path);
    return { summary: `list ${name}`, subject: name, start: (context) => list(path, context) };
  },
};

async function list(path: string, { signal }: ToolContext): Promise<ToolResult> {
  const folder = resolveInWorkspace(path);
  let entries: Dirent[];
  try {
    entries = await readdir(folder.path, { withFileTypes: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOTDIR")
      throw new Error(`${folder.name} is no folder; read_file reads a file`, { cause });
    throw await fileError(cause, folder);
  }
  const names: string[] = [];
  const sorted = entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of sorted.slice(0, mostNames)) {
    signal.throwIfAborted();
    names.push((await isFolder(entry)) ? `${entry.name}/` : entry.name);
  }
  const shown = fitting(names);
  const note =
    shown.length < entries.length
      ? `the first ${shown.length} of ${entries.length}; search_files finds files by their text, run_command lists any`
      : undefined;
  return listOutput("files", { items: shown, note });
}

async function isFolder(entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  try {
    return (await stat(join(entry.parentPath, entry.name))).isDirectory();
  } catch {
    return false; // it leads nowhere
  }
}
