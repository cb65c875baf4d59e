import { existsSync, statSync } from "node:fs";
import { mkdir, readFile, writeFile, chmod } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { KimiError, messageOf, usageError } from "../../errors.ts";
import type { PlanFile } from "../deployment-plan.ts";

/**
 * Writes the files into a folder, which is made. Nothing is written if one of them is there with another content, unless
 * `force` says to replace it. Programs get mode 755.
 */
export async function saveFiles(
  folder: string,
  files: readonly PlanFile[],
  { force = false }: { readonly force?: boolean } = {},
): Promise<void> {
  for (const file of files) {
    const path = pathIn(folder, file);
    const there = await contentOf(path);
    if (force || there === undefined || there === file.content) continue;
    throw usageError(
      `${path} is there already, with another content`,
      "--overwrite replaces it; or name another folder with -o.",
    );
  }
  for (const file of files) await saveFile(pathIn(folder, file), file);
}

function pathIn(folder: string, { path }: PlanFile): string {
  const inside = normalize(path);
  if (isAbsolute(inside) || inside.split(/[/\\]/)[0] === "..") {
    throw new KimiError(`${path} is not a path in the plan's folder`, { code: "plan-file" });
  }
  return join(folder, inside);
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw cannotWrite(path, thrown);
  }
}

async function saveFile(path: string, { content, isExecutable = false }: PlanFile): Promise<void> {
  try {
    await makeFolder(dirname(path));
    await writeFile(path, content);
    if (isExecutable) await chmod(path, 0o755);
  } catch (thrown) {
    throw cannotWrite(path, thrown);
  }
}

/** Node's own, with `recursive`, never ends below /proc, where nothing can be made. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (thrown) {
    if (isFolder(path)) return;
    const parent = dirname(path);
    if (!isMissing(thrown) || existsSync(parent)) throw thrown;
    await makeFolder(parent);
    await mkdir(path);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}

function cannotWrite(path: string, cause: unknown): KimiError {
  return new KimiError(`can't write ${path}: ${messageOf(cause)}`, {
    code: "not-written",
    hint: "Name a folder that can be written to with -o.",
    cause,
  });
}
