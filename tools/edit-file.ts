import type { Tool } from "../src/agent/tool.ts";
import { prepareChange, type FileChange } from "./files/file-change.ts";
import type { Replacement } from "./files/passage.ts";
import { readWhole } from "./files/read-whole.ts";
import { replaceText } from "./files/replace-text.ts";
import type { WorkspacePath } from "./files/workspace.ts";

const byteOrderMark = "\uFEFF";

/** Replaces the one place that holds a text. Whitespace may differ; line endings and byte order mark stay. */
export const editFile: Tool = {
  name: "edit_file",
  description: "Replace a text in a file.",
  parameters: {
    type: "object",
    properties: {
      path: { type: "string", description: "Path of the file" },
      old: { type: "string", description: "Text to replace" },
      new: { type: "string", description: "Replacement" },
    },
    required: ["path", "old", "new"],
  },
  effect: "write",
  prepare(input) {
    const { path, ...replacement } = input as { path: string } & Replacement;
    if (replacement.old === "")
      throw new Error("old is empty; write_file writes a whole file, edit_file changes a part");
    if (replacement.old === replacement.new)
      throw new Error("old and new are equal: nothing would change");
    const plan = (file: WorkspacePath): Promise<FileChange> => edited(file, replacement);
    return prepareChange({ verb: "edit", path, plan });
  },
};

async function edited(file: WorkspacePath, replacement: Replacement): Promise<FileChange> {
  const before = await readWhole(file);
  const mark = before.startsWith(byteOrderMark) ? byteOrderMark : "";
  const { text, note } = replaceText(before.slice(mark.length), replacement, file.name);
  const after = mark + text;
  if (after === before) throw new Error(`${file.name} would not change`);
  return { before, after, ...(note === undefined ? {} : { note }) };
}
