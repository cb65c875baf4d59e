import { structuredPatch } from "diff";
import { jsonOutput, type PreparedCall, type ToolDisplay } from "../../src/agent/tool.ts";
import { resolveInWorkspace, type WorkspacePath } from "./workspace.ts";
import { writeAtomically } from "./write-atomically.ts";

/** What a call makes of a file. */
export interface FileChange {
  /** The text before; empty if there is no file; in words what it is if that can't be shown. */
  readonly before: string | { readonly replaced: string };
  readonly after: string;
  /** For the model. */
  readonly note?: string;
}

interface ChangeToPrepare {
  /** What the person reads before the file's name. */
  readonly verb: string;
  readonly path: string;
  /** Reads the file, changes nothing. Asked again before the change is made. */
  readonly plan: (file: WorkspacePath) => Promise<FileChange>;
}

/**
 * A call that changes one file in the workspace and shows the difference before and after.
 * It fails if the file is no longer what the preview was made of.
 */
export function prepareChange({ verb, path, plan }: ChangeToPrepare): PreparedCall {
  const file = resolveInWorkspace(path);
  let previewed: FileChange | undefined;
  const planNow = async (signal: AbortSignal): Promise<FileChange> => {
    const now = resolveInWorkspace(path);
    if (now.path !== file.path) throw new Error(`${path} leads elsewhere by now; try again`);
    const change = await plan(file);
    signal.throwIfAborted();
    return change;
  };
  return {
    summary: `${verb} ${file.name}`,
    subject: file.name,
    async preview(signal) {
      previewed = await planNow(signal);
      return displayOf(previewed, file);
    },
    async start({ signal }) {
      const change = await planNow(signal);
      if (previewed && !isSame(previewed, change))
        throw new Error(`${file.name} has changed since the change was shown; read it again`);
      await writeAtomically(file, change.after, signal);
      return { ...jsonOutput({ ok: true, note: change.note }), display: displayOf(change, file) };
    },
  };
}

function isSame(one: FileChange, other: FileChange): boolean {
  const before = (change: FileChange): string =>
    typeof change.before === "string" ? change.before : change.before.replaced;
  return before(one) === before(other) && one.after === other.after;
}

/** Two large texts without a line in common would take minutes. */
const diffTimeoutMs = 1_000;

function displayOf({ before, after }: FileChange, { name }: WorkspacePath): ToolDisplay {
  if (typeof before !== "string")
    return { type: "text", text: `${name}: replaces ${before.replaced}` };
  const patch = structuredPatch(name, name, before, after, undefined, undefined, {
    context: 3,
    timeout: diffTimeoutMs,
  });
  if (!patch) return { type: "text", text: `${name}: too much differs to be shown` };
  const lines = patch.hunks.flatMap((hunk) => [
    `@@ -${rangeOf(hunk.oldStart, hunk.oldLines)} +${rangeOf(hunk.newStart, hunk.newLines)} @@`,
    ...hunk.lines,
  ]);
  const count = (sign: string): number =>
    patch.hunks.flatMap((hunk) => hunk.lines).filter((line) => line.startsWith(sign)).length;
  return {
    type: "diff",
    path: name,
    diff: lines.join("\n"),
    added: count("+"),
    removed: count("-"),
  };
}

/** A range of no lines is said to be after the line before. */
function rangeOf(start: number, lines: number): string {
  return `${lines === 0 ? start - 1 : start},${lines}`;
}
