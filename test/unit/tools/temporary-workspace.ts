import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, onTestFinished } from "vitest";
import type { Tool, ToolContext, ToolResult } from "../../../src/agent/tool.ts";

/** An empty folder, its symlinks followed, that is removed after the test. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "kimi-workspace-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder that holds some files and is the current one until the test ends. */
export function temporaryWorkspace(files: Readonly<Record<string, string | Buffer>> = {}): string {
  const before = process.cwd();
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  return folder;
}

/** For files whose tests spill output: a worker of vitest ends without the event that removes it. */
export function removeSpilledAfterAll(): void {
  const folder = mkdtempSync(join(tmpdir(), "kimi-spilled-"));
  process.env["TMPDIR"] = folder; // this worker's own
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
}

/** As an engine's call runs, without approval. */
export async function call(
  tool: Tool,
  input: Readonly<Record<string, unknown>>,
  context: Partial<ToolContext> = {},
): Promise<ToolResult> {
  const { signal = new AbortController().signal, report = () => {} } = context;
  return tool.prepare(input).start({ signal, report });
}
