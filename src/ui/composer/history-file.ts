/**
 * Where history is kept between runs: one JSON object a line, `{"text": …, "at": …}`, oldest first.
 *
 * Several programs may append at once: each entry is one write to a file opened for appending. Lines
 * that are no entry are skipped, so a line that was cut off costs itself only.
 */
import {
  closeSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

const largestEntryBytes = 100_000;
/** Of a larger file only the end is read. */
const largestReadBytes = 8_000_000;

/**
 * The last entries, oldest first; none when there is no file. A file of more than twice `limit` lines
 * or of more than twice what is read is cut to what is returned. Throws what the file system throws
 * when the file can't be read, and not when it can't be cut.
 */
export function loadHistory(path: string, limit = 1000): string[] {
  const file = readEnd(path);
  if (file === undefined) return [];
  const lines = file.text.split("\n").filter((line) => line !== "");
  const kept = lines.filter((line) => entryOf(line) !== undefined).slice(-limit);
  if (lines.length > 2 * limit || file.sizeBytes > 2 * largestReadBytes) {
    rewrite(path, file.sizeBytes, kept);
  }
  return kept.flatMap((line) => entryOf(line) ?? []);
}

/**
 * Adds an entry; whether it was stored: blank entries and those over 100 kB are not. Makes the folder
 * and the file, readable by their owner only. Throws what the file system throws.
 */
export function appendHistory(path: string, entry: string, at = new Date()): boolean {
  const tooLarge = Buffer.byteLength(entry) > largestEntryBytes;
  if (tooLarge || entry.trim() === "") return false;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, "a+", 0o600);
  try {
    const { size, mode } = fstatSync(file);
    if ((mode & 0o077) !== 0) fchmodSync(file, 0o600);
    const line = JSON.stringify({ text: entry, at: at.toISOString() });
    // A line that another program could not finish must not swallow this one.
    writeSync(file, `${endsOpen(file, size) ? "\n" : ""}${line}\n`);
  } finally {
    closeSync(file);
  }
  return true;
}

function endsOpen(file: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

function readEnd(path: string): { text: string; sizeBytes: number } | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const sizeBytes = fstatSync(file).size;
    const bytes = Buffer.alloc(Math.min(sizeBytes, largestReadBytes));
    const read = readSync(file, bytes, 0, bytes.length, sizeBytes - bytes.length);
    return { text: bytes.toString("utf8", 0, read), sizeBytes };
  } finally {
    closeSync(file);
  }
}

function entryOf(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isEntry = typeof value === "object" && value !== null && "text" in value;
    return isEntry && typeof value.text === "string" ? value.text : undefined;
  } catch {
    return undefined;
  }
}

/** Writes beside the file and renames, so that a reader sees the old file or the new one. */
function rewrite(path: string, sizeBytes: number, lines: readonly string[]): void {
  let temporary: string | undefined;
  try {
    // A link to the file stays one.
    const target = realpathSync(path);
    temporary = `${target}.${process.pid}.tmp`;
    writeFileSync(temporary, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    // Another program may have appended since; then the next start cuts the file.
    if (statSync(target).size === sizeBytes) renameSync(temporary, target);
    else rmSync(temporary, { force: true });
  } catch {
    // A history that can't be shortened is still a history.
    if (temporary !== undefined) rmSync(temporary, { force: true });
  }
}
