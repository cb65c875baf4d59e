import { readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** Beside a session's file: what the local engine had computed of it. */
const extension = ".kv";

/** Hours after which what another process has begun to write is taken for left behind. */
const draftHours = 1;

/** Where the state of a session goes; `path`: the session's own. */
export function sessionStatePath(path: string): string {
  return path.replace(/\.jsonl$/, extension);
}

/**
 * Removes states whose session is gone, what killed processes left, and then the oldest ones until
 * another of so many bytes would fit. Says whether that one may be written: not for a session that is
 * gone, and not if it alone is too large.
 */
export function makeRoomForState(path: string, bytes: number, maxBytes: number): boolean {
  const folder = dirname(path);
  removeOrphans(folder);
  if (bytes > maxBytes || !hasSession(path)) return false;
  const others = readdirSync(folder)
    .filter((name) => name.endsWith(extension))
    .map((name) => join(folder, name))
    .filter((other) => other !== path)
    .flatMap((other) => {
      const status = statSync(other, { throwIfNoEntry: false });
      return status ? [{ path: other, size: status.size, changed: status.mtimeMs }] : [];
    })
    .toSorted((a, b) => a.changed - b.changed);
  let total = bytes + others.reduce((sum, { size }) => sum + size, 0);
  for (const other of others) {
    if (total <= maxBytes) break;
    rmSync(other.path, { force: true });
    total -= other.size;
  }
  return true;
}

/** States without their session, and drafts (`NAME.kv.PID`) of processes that ended before they were whole. */
export function removeOrphans(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const isOrphan = name.endsWith(extension) ? !hasSession(path) : isOldDraft(path);
    if (isOrphan) rmSync(path, { force: true });
  }
}

function hasSession(path: string): boolean {
  const session = path.slice(0, -extension.length) + ".jsonl";
  return statSync(session, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isOldDraft(path: string): boolean {
  if (!/\.kv\.\d+$/.test(path)) return false;
  const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
  return Date.now() - changed > draftHours * 3_600_000;
}
