import { constants, copyFileSync, linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { KimiError, messageOf, type ExitCode } from "./errors.ts";

/** What is said to who comes second. */
export interface LockRefusal {
  /** What the other one does: `session x is open in another kimi`. */
  readonly message: string;
  readonly code: string;
  readonly hint: string;
  readonly exitCode?: ExitCode;
  /** What it means that the lock can't be made. */
  readonly failure: { readonly message: string; readonly code: string; readonly hint: string };
}

/**
 * Makes sure that one program at a time has what a lock stands for: a file that names the process. What
 * a killed process left is taken over.
 * @returns what ends it
 * @throws KimiError when another one has it, or it can't be made.
 */
export function lockFile(lock: string, refusal: LockRefusal): () => void {
  const draft = `${lock}.${process.pid}`;
  const own: Holder = {
    pid: process.pid,
    host: hostname(),
    started: entryOf(process.pid)?.started,
  };
  try {
    writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
    return takeLock(lock, { draft, refusal });
  } catch (cause) {
    if (cause instanceof KimiError) throw cause;
    const { message, code, hint } = refusal.failure;
    throw new KimiError(`${message}: ${messageOf(cause)}`, { code, hint, cause });
  } finally {
    rmSync(draft, { force: true });
  }
}

interface Own {
  readonly draft: string;
  readonly refusal: LockRefusal;
}

/**
 * Two that find the same dead holder must not both win: only who has a second lock removes the first,
 * after another look, since the other one may have replaced it meanwhile.
 */
function takeLock(lock: string, own: Own): () => void {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (isLinked(own.draft, lock)) return () => rmSync(lock, { force: true });
    const found = readLock(lock);
    if (found === "gone") continue;
    if (isAlive(found)) throw isHeld(lock, own.refusal, found);
    const release = takeLock(`${lock}.takeover`, own);
    const again = readLock(lock);
    if (again !== "gone" && !isAlive(again)) rmSync(lock, { force: true });
    release();
  }
  throw isHeld(lock, own.refusal, undefined);
}

/** A link is whole from the start, unlike a file that is opened and then written. */
function isLinked(draft: string, lock: string): boolean {
  try {
    linkSync(draft, lock);
    return true;
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    if (!withoutLinks.has(code)) throw cause;
    return isCopied(draft, lock);
  }
}

/** What file systems without links answer. */
const withoutLinks: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

function isCopied(draft: string, lock: string): boolean {
  try {
    copyFileSync(draft, lock, constants.COPYFILE_EXCL);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw cause;
  }
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells the process from a later one of the same id; `undefined` where the system does not say. */
  readonly started: string | undefined;
}

/** `undefined` for a damaged one. */
function readLock(lock: string): Holder | "gone" | undefined {
  let text: string;
  try {
    text = readFileSync(lock, "utf8");
  } catch {
    return "gone";
  }
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<Holder>;
    return typeof pid === "number" && typeof host === "string" ? { pid, host, started } : undefined;
  } catch {
    return undefined;
  }
}

/** A process of another machine counts as alive: nobody here can tell. */
function isAlive(holder: Holder | undefined): holder is Holder {
  if (holder === undefined) return false;
  const { pid, host, started } = holder;
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const entry = entryOf(pid);
  if (entry === undefined) return true;
  return entry.state !== "Z" && (started === undefined || entry.started === started);
}

interface ProcessEntry {
  /** `Z` for one that has ended and that nobody has waited for. */
  readonly state: string | undefined;
  /** Since the machine was. */
  readonly started: string | undefined;
}

/** Of Linux; `undefined` elsewhere. */
function entryOf(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before these fields is in brackets and may hold any character.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], started: fields[19] };
  } catch {
    return undefined;
  }
}

function isHeld(lock: string, refusal: LockRefusal, holder: Holder | undefined): KimiError {
  const { message, code, hint, exitCode } = refusal;
  const by = holder === undefined ? "" : ` (process ${holder.pid} on ${holder.host})`;
  const isElsewhere = holder !== undefined && holder.host !== hostname();
  return new KimiError(`${message}${by}`, {
    code,
    hint: isElsewhere ? `Close that one first; if it is gone, remove ${lock}.` : hint,
    ...(exitCode === undefined ? {} : { exitCode }),
  });
}
