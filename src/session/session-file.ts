import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { basename } from "node:path";
import { KimiError, messageOf } from "../errors.ts";
import { readRecord, sessionVersion, type SessionRecord } from "./session-records.ts";

export interface LoadedFile {
  readonly records: readonly SessionRecord[];
  /** Numbers of the lines that can't be read, from 1. */
  readonly badLines: readonly number[];
}

/** Reads a session's file; lines that are no records are left out. @throws KimiError when there is none. */
export function readSessionFile(path: string): LoadedFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new KimiError(`the session ${path} can't be read: ${messageOf(cause)}`, {
      code: "session",
      hint: "kimi sessions lists what there is.",
      cause,
    });
  }
  const records: SessionRecord[] = [];
  const badLines: number[] = [];
  let number = 0;
  for (let from = 0; from < text.length;) {
    const end = text.indexOf("\n", from);
    const line = text.slice(from, end < 0 ? text.length : end);
    from = end < 0 ? text.length : end + 1;
    number++;
    if (line.trim() === "") continue;
    const record = readRecord(line);
    if (record) records.push(record);
    else badLines.push(number);
  }
  const newer = records.find(
    (record) => record.type === "session" && record.version > sessionVersion,
  );
  if (newer) {
    throw new KimiError(`the session ${basename(path)} was written by a newer kimi`, {
      code: "session",
      hint: "Update kimi to go on with it.",
    });
  }
  return { records, badLines };
}

/** Appends records to a session's file, each in one write, so that a kill leaves whole lines and at most one cut one. */
export class SessionWriter {
  readonly #descriptor: number;
  #needsLineBreak: boolean;

  /** Makes the file, for the user only. @throws for one that `mustBeNew` and is there. */
  constructor(path: string, { mustBeNew }: { readonly mustBeNew: boolean }) {
    this.#descriptor = openSync(path, mustBeNew ? "ax+" : "a+", 0o600);
    this.#needsLineBreak = endsInLine(this.#descriptor);
  }

  write(record: SessionRecord): void {
    const start = this.#needsLineBreak ? "\n" : "";
    const bytes = Buffer.from(`${start}${JSON.stringify(record)}\n`);
    this.#needsLineBreak = true; // until it is written whole: a full disk cuts lines, too
    for (let from = 0; from < bytes.length;) from += writeSync(this.#descriptor, bytes, from);
    this.#needsLineBreak = false;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Whether the last line lacks its end: the next one must not be glued to it. */
function endsInLine(descriptor: number): boolean {
  const { size } = fstatSync(descriptor);
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(descriptor, last, 0, 1, size - 1);
  return last[0] !== 0x0a;
}
