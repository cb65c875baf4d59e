import { randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { access, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assertRegular, fileError } from "./regular-file.ts";
import { assertUnmoved, type WorkspacePath } from "./workspace.ts";

/**
 * Makes or replaces a file, with the folders it needs, so that whoever reads it sees all of the old
 * text or all of the new. Mode and owner stay; a hard link becomes a file of its own.
 * @throws Error naming the file; the signal's reason. The file is then as it was.
 */
export async function writeAtomically(
  file: WorkspacePath,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  // Beside it, since a rename works within one file system only.
  const temporary = join(dirname(file.path), `.kimi-${randomUUID()}.tmp`);
  try {
    const old = await writableFile(file);
    assertUnmoved(file);
    await mkdir(dirname(file.path), { recursive: true });
    await writeNew(temporary, text, old);
    signal.throwIfAborted();
    assertUnmoved(file);
    await rename(temporary, file.path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw await fileError(cause, file);
  }
}

/** The file as it is, if there is one; a write protection is one, though a rename would not ask for it. */
async function writableFile(file: WorkspacePath): Promise<Stats | undefined> {
  try {
    const stats = await lstat(file.path);
    assertRegular(stats, file);
    await access(file.path, constants.W_OK);
    return stats;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cause;
  }
}

async function writeNew(path: string, text: string, old: Stats | undefined): Promise<void> {
  const handle = await open(path, "wx", old === undefined ? 0o666 : old.mode & 0o777);
  try {
    await handle.writeFile(text);
    if (old && process.platform !== "win32") {
      if (old.uid !== process.getuid?.() || old.gid !== process.getgid?.())
        await handle.chown(old.uid, old.gid).catch(() => {}); // only root may
      await handle.chmod(old.mode & 0o7777);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}
