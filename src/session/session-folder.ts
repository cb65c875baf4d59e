import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { usageError } from "../errors.ts";
import { textOf } from "../message.ts";
import { isSummary } from "../agent/compaction.ts";
import { shellCommandOf } from "./shell-message.ts";
import { readRecord, type SessionRecord } from "./session-records.ts";
import { removeOrphans } from "./session-states.ts";

/** What a list shows of a session. */
export interface SessionSummary {
  readonly id: string;
  readonly path: string;
  /** The start of the first thing the user said. */
  readonly title: string;
  readonly folder: string;
  readonly model: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly changedAt: string;
  readonly sizeBytes: number;
}

const extension = ".jsonl";

/** Sortable by time and unlikely to meet another. */
export function newSessionId(at: Date): string {
  const stamp = at.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  return `${stamp}-${randomBytes(3).toString("hex")}`;
}

/** @throws KimiError for a name that can't be a file's. */
export function sessionPath(folder: string, id: string): string {
  if (!isName(id)) {
    throw usageError(
      `${JSON.stringify(id)} can't be the name of a session`,
      "Use letters, digits, _, - and ., at most 64.",
    );
  }
  return join(folder, id + extension);
}

function isName(id: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,63}$/.test(id) && !id.endsWith(".lock");
}

/** All sessions, the last changed first. */
export function listSessions(folder: string): readonly SessionSummary[] {
  return sessionIds(folder)
    .map((id) => summaryOf(folder, id))
    .filter((summary) => summary !== undefined)
    .toSorted((a, b) => order(b.changedAt, a.changedAt) || order(b.id, a.id));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The session with this id, or the only one whose id begins so. @throws KimiError when there is none, or several. */
export function findSession(folder: string, name: string): string {
  const ids = sessionIds(folder);
  if (ids.includes(name)) return name;
  const found =
    name === "" ? [] : ids.filter((id) => id.startsWith(name) || id.endsWith(`-${name}`));
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  throw usageError(
    found.length === 0
      ? `there is no session ${name}`
      : `${found.length} sessions begin with ${name}: ${found.slice(0, 4).join(", ")}${found.length > 4 ? ", …" : ""}`,
    found.length === 0 ? "kimi sessions lists what there is." : "Give more of its id.",
  );
}

/** The last changed session that was started in a folder, else of all. */
export function latestSession(folder: string, startedIn: string): string | undefined {
  const all = listSessions(folder);
  return (all.find((session) => session.folder === startedIn) ?? all[0])?.id;
}

/** What was kept beside it, too. Only with its lock. */
export function removeSession(folder: string, id: string): void {
  rmSync(sessionPath(folder, id));
  removeOrphans(folder);
}

function sessionIds(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(extension))
    .map((name) => name.slice(0, -extension.length))
    .filter(isName);
}

/** Enough for the first lines of nearly every session, and for those with a long system prompt. */
const headBytes = [16_384, 1_048_576];

function summaryOf(folder: string, id: string): SessionSummary | undefined {
  const path = join(folder, id + extension);
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status?.isFile()) return undefined;
  const { title, info } = firstOf(path, status.size);
  return {
    id,
    path,
    title: title.length > 100 ? `${title.slice(0, 100)}…` : title,
    folder: info?.folder ?? "",
    model: info?.model ?? "",
    createdAt: info?.createdAt ?? status.birthtime.toISOString(),
    changedAt: status.mtime.toISOString(),
    sizeBytes: status.size,
  };
}

interface First {
  readonly title: string;
  readonly info?: Extract<SessionRecord, { type: "session" }>;
}

function firstOf(path: string, sizeBytes: number): First {
  let first: First = { title: "" };
  for (const [index, bytes] of headBytes.entries()) {
    first = firstIn(headOf(path, bytes));
    if (first.title !== "" || sizeBytes <= (headBytes[index] ?? 0)) break;
  }
  return first;
}

function firstIn(head: string): First {
  const records = head.split("\n").map(readRecord);
  const info = records.find((record) => record?.type === "session");
  const texts = records.map((record) =>
    record?.type === "message" && record.message.role === "user" && !isSummary(record.message)
      ? textOf(record.message)
      : "",
  );
  const text = texts.find((candidate) => candidate !== "") ?? cutTitle(head);
  const command = shellCommandOf(text);
  const title = command === undefined ? text : `!${command}`;
  return { title: title.replaceAll(/\s+/g, " ").trim(), ...(info ? { info } : {}) };
}

/** The start of a first message that is longer than the head: whole characters of a JSON string. */
function cutTitle(head: string): string {
  const pattern =
    /"role":"user".*?"text":"((?:[^"\\\p{Cc}]|\\u[\da-fA-F]{4}|\\["\\/bfnrt]){1,200})/u;
  const found = pattern.exec(head)?.[1];
  return found === undefined ? "" : (JSON.parse(`"${found}"`) as string);
}

/** Empty for a file that can't be read, such as one removed since: a list tells of the others. */
function headOf(path: string, size: number): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    const bytes = Buffer.alloc(size);
    return bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, size, 0));
  } catch {
    return "";
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
