import { lstat } from "node:fs/promises";
import type { Stats } from "node:fs";
import type { Tool } from "../src/agent/tool.ts";
import { prepareChange, type FileChange } from "./files/file-change.ts";
import { readWhole } from "./files/read-whole.ts";
import { assertRegular, fileError } from "./files/regular-file.ts";
import type { WorkspacePath } from "./files/workspace.ts";

/** Writes the text as it is, in UTF-8, over whatever file is there. */
export const writeFile: Tool = {
  name: "write_file",
  description: "Write a text file.",
  parameters: {
    type: "object",
    properties: {
      path: { type: "string", description: "Path of the file" },
      content: { type: "string", description: "Text to write" },
    },
    required: ["path", "content"],
  },
  effect: "write",
  prepare(input) {
    const { path, content } = input as { path: string; content: string };
    const plan = async (file: WorkspacePath): Promise<FileChange> => ({
      before: await presentText(file),
      after: content,
    });
    return prepareChange({ verb: "write", path, plan });
  },
};

async function presentText(file: WorkspacePath): Promise<FileChange["before"]> {
  let stats: Stats;
  try {
    stats = await lstat(file.path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw await fileError(cause, file);
  }
  assertRegular(stats, file);
  try {
    return await readWhole(file);
  } catch {
    // Binary, too large or unreadable: it may be replaced all the same.
    return { replaced: `a file of ${stats.size.toLocaleString("en")} bytes that is not shown` };
  }
}
