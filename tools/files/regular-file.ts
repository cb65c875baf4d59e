import type { Buffer } from "node:buffer";
import { constants, type Stats } from "node:fs";
import { lstat, open, readdir, type FileHandle } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { mostSimilar } from "./similarity.ts";
import type { WorkspacePath } from "./workspace.ts";

/**
 * Opens a file to read, which the caller closes.
 * @throws Error naming what is a folder, a pipe, a device, or not there.
 */
export async function openRegularFile(file: WorkspacePath): Promise<FileHandle> {
  let handle: FileHandle | undefined;
  try {
    assertRegular(await lstat(file.path), file);
    // It may be another one by now: no waiting for a pipe's writer, and no symlink.
    const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
    handle = await open(file.path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    assertRegular(await handle.stat(), file);
    return handle;
  } catch (cause) {
    await handle?.close();
    throw await fileError(cause, file);
  }
}

/** @throws Error for a folder, and for a pipe, a device or a socket: they may hang or do harm. */
export function assertRegular(stats: Stats, { name }: WorkspacePath): void {
  if (stats.isDirectory()) throw new Error(`${name} is a folder; list_files shows what is in it`);
  if (!stats.isFile()) throw new Error(`${name} is no regular file`);
}

/** @throws Error naming a file that is binary or not UTF-8. A byte order mark stays in the text. */
export function decodeText(bytes: Buffer, { name }: WorkspacePath): string {
  if (bytes.includes(0)) throw new Error(`${name} is a binary file`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Error(`${name} is no text in UTF-8`, { cause });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied for",
  EPERM: "permission denied for",
  EROFS: "the file system is read-only:",
  ENOSPC: "the disk is full:",
  ENAMETOOLONG: "too long a name:",
  ENOTDIR: "a part of the path is no folder:",
  EISDIR: "a folder is no file:",
  ELOOP: "a symlink took the place of",
  EMFILE: "too many files are open for",
};

/** What the system said about a file, in words that name it as the model does; other errors as they are. */
export async function fileError(cause: unknown, file: WorkspacePath): Promise<Error> {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT") return missing(file);
  const reason = code === undefined ? undefined : reasons[code];
  return reason === undefined ? (cause as Error) : new Error(`${reason} ${file.name}`, { cause });
}

async function missing({ path, name }: WorkspacePath): Promise<Error> {
  const folder = name.includes("/") ? dirname(name) : ".";
  let names: readonly string[];
  try {
    names = await readdir(dirname(path));
  } catch {
    return new Error(`${name} does not exist, nor does its folder ${folder}`);
  }
  const nearest = names[mostSimilar(basename(path), names) ?? -1];
  if (nearest === undefined) return new Error(`${name} does not exist`);
  const suggestion = folder === "." ? nearest : `${folder}/${nearest}`;
  return new Error(`${name} does not exist; did you mean ${suggestion}?`);
}
