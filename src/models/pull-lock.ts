import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { exitCodes, KimiError } from "../errors.ts";
import { lockFile } from "../file-lock.ts";

/**
 * Lets one program at a time pull a model. Returns what ends it.
 * @throws KimiError if another one is at it, or the folder can't be written.
 */
export function lockPull(folder: string, name: string): () => void {
  const failure = {
    message: `the model folder ${folder} can't be written`,
    code: "disk",
    hint: "Check its permissions.",
  };
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new KimiError(failure.message, { ...failure, cause });
  }
  return lockFile(join(folder, "pull.lock"), {
    message: `${name} is being pulled by another kimi`,
    code: "busy",
    exitCode: exitCodes.tryAgain,
    hint: "Wait until it is done.",
    failure,
  });
}
