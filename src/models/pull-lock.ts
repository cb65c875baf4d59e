import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KimiError } from "../errors.ts";

/**
 * Lets one program at a time pull a model; what a killed one left is taken over. Returns what ends it.
 * @throws KimiError if another one is at it.
 */
export function lockPull(folder: string, name: string): () => void {
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, "pull.lock");
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      return () => rmSync(lock, { force: true });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw unwritable(folder, cause);
      const holder = readHolder(lock);
      if (holder !== undefined && isAlive(holder)) throw busy(name, holder);
      rmSync(lock, { force: true });
    }
  }
  throw busy(name, undefined);
}

function readHolder(lock: string): number | undefined {
  try {
    return Number(readFileSync(lock, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM";
  }
}

function busy(name: string, holder: number | undefined): KimiError {
  return new KimiError(
    `${name} is being pulled by another kimi${holder === undefined ? "" : ` (process ${holder})`}`,
    { code: "busy", exitCode: 75, hint: "Wait until it is done." },
  );
}

function unwritable(folder: string, cause: unknown): KimiError {
  return new KimiError(`the model folder ${folder} can't be written`, {
    code: "disk",
    hint: "Check its permissions.",
    cause,
  });
}
