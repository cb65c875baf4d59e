import { readdirSync, readlinkSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { isSpilled } from "./spill.ts";

export interface WorkspacePath {
  /** Absolute, with every symlink followed; it need not exist. */
  readonly path: string;
  /** From the workspace, with `/`; `.` is the workspace itself. For people, rules and the model. */
  readonly name: string;
}

/**
 * Where a path leads, which is inside the workspace: the folder that the program was started in.
 * What does not exist yet is looked at through its deepest folder that does. A name in another
 * Unicode normal form than the file's is the file's.
 * @throws Error naming the path and the workspace.
 */
export function resolveInWorkspace(path: string): WorkspacePath {
  const root = realpathSync.native(process.cwd());
  const real = realPath(path, root);
  if (!isInside(root, real)) throw new Error(`${path} is outside the workspace ${root}`);
  return { path: real, name: relative(root, real).split(sep).join("/") || "." };
}

/** The same, and also finds the output that this program has spilled. */
export function resolveForReading(path: string): WorkspacePath {
  const real = realPath(path, realpathSync.native(process.cwd()));
  return isSpilled(real) ? { path: real, name: real } : resolveInWorkspace(path);
}

/**
 * For right before a change: what was checked may have been replaced by a symlink since. A window of
 * microseconds stays, which only `openat` would close.
 * @throws Error if the path leads elsewhere by now.
 */
export function assertUnmoved({ path, name }: WorkspacePath): void {
  if (resolveInWorkspace(path).path !== path)
    throw new Error(`${name} leads elsewhere since it was checked; nothing was changed`);
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function realPath(path: string, root: string): string {
  if (path.includes("\0")) throw new Error(`${JSON.stringify(path)} is no path`);
  const expanded = path.replace(/^~(?=$|[/\\])/, () => homedir());
  return followed(resolve(root, expanded), path);
}

/** As the system's own limit. */
const mostLinks = 40;

function followed(path: string, asked: string, links = 0): string {
  if (links > mostLinks) throw new Error(`${asked} leads through a loop of symlinks`);
  try {
    return realpathSync.native(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    if (code === "ELOOP") throw new Error(`${asked} leads through a loop of symlinks`, { cause });
    if (code === "EACCES") throw new Error(`permission denied for ${asked}`, { cause });
    if (code === "ENAMETOOLONG") throw new Error(`${asked} is too long a path`, { cause });
    if (code !== "ENOENT" && code !== "ENOTDIR") throw cause;
  }
  const parent = dirname(path);
  if (parent === path) return path;
  const folder = followed(parent, asked, links);
  const target = linkTarget(join(folder, basename(path)));
  if (target !== undefined) return followed(resolve(folder, target), asked, links + 1);
  const twin = sameName(folder, basename(path));
  return twin === undefined
    ? join(folder, basename(path))
    : followed(join(folder, twin), asked, links + 1);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // no symlink
  }
}

/** The name that a person can't tell from this one: macOS and Linux programs store accents differently. */
function sameName(folder: string, name: string): string | undefined {
  if (!/[^\0-\x7f]/.test(name)) return undefined;
  try {
    return readdirSync(folder).find(
      (other) => other !== name && other.normalize() === name.normalize(),
    );
  } catch {
    return undefined;
  }
}
