import { usageError } from "../errors.ts";
import { exportSessionAs, type ExportFormat } from "../session/export-session.ts";
import {
  findSession,
  listSessions,
  removeSession,
  sessionPath,
  type SessionSummary,
} from "../session/session-folder.ts";
import { lockSession } from "../session/session-lock.ts";
import { loadSession } from "../session/session-state.ts";
import { fileOutput } from "./output.ts";
import { sessionFolder } from "./setup.ts";
import { withoutControls } from "../render/text.ts";

const shownAtMost = 50;

interface ListOptions {
  readonly json: boolean;
  readonly all: boolean;
}

export function listText({ json, all }: ListOptions): string {
  const list = listSessions(sessionFolder);
  if (json) return `${JSON.stringify(list, null, 2)}\n`;
  if (list.length === 0) return "no sessions yet\n";
  const shown = all ? list : list.slice(0, shownAtMost);
  const width = Math.max(...shown.map(({ id }) => id.length));
  const rest = list.length - shown.length;
  return [
    ...shown.map((session) => rowOf(session, width)),
    ...(rest > 0 ? [`and ${rest} more: kimi sessions list --all`] : []),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function rowOf({ id, changedAt, title }: SessionSummary, width: number): string {
  const when = changedAt.slice(0, 16).replace("T", " ");
  return `${id.padEnd(width)}  ${when}  ${withoutControls(title)}`.trimEnd();
}

/** For a terminal. @throws KimiError for a session that is not there. */
export function showText(name: string): string {
  return withoutControls(exportText(name, "md"));
}

function exportText(name: string, format: ExportFormat): string {
  const id = findSession(sessionFolder, name);
  return exportSessionAs(format, { id, ...loadSession(sessionPath(sessionFolder, id)) });
}

interface ExportOptions {
  readonly format?: ExportFormat;
  readonly outputFile?: string;
}

export function exportSession(name: string, { format, outputFile }: ExportOptions): void {
  const extension =
    outputFile === undefined ? undefined : /\.(md|json|html)$/.exec(outputFile)?.[1];
  if (outputFile !== undefined && format === undefined && extension === undefined) {
    throw usageError(
      `${outputFile} does not say a format`,
      "Give --format, or end the file's name with .md, .json or .html.",
    );
  }
  const text = exportText(name, format ?? (extension as ExportFormat | undefined) ?? "md");
  if (outputFile === undefined) {
    const isTerminal = process.stdout.isTTY;
    return void process.stdout.write(isTerminal ? withoutControls(text) : text);
  }
  const output = fileOutput(outputFile);
  output.write(text);
  output.close({ failed: false });
}

/** All of them or none. @throws KimiError for one that is not there or that is open. */
export function removeSessions(names: readonly string[]): string {
  if (names.length === 0) throw usageError("no session is given", "kimi sessions lists them.");
  const ids = [...new Set(names.map((name) => findSession(sessionFolder, name)))];
  const unlocks: (() => void)[] = [];
  try {
    for (const id of ids) unlocks.push(lockSession(sessionPath(sessionFolder, id), id));
    for (const id of ids) removeSession(sessionFolder, id);
  } finally {
    for (const unlock of unlocks) unlock();
  }
  return ids.map((id) => `removed ${id}\n`).join("");
}
