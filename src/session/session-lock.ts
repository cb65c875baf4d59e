import { lockFile } from "../file-lock.ts";

/**
 * Makes sure that one program at a time writes a session.
 * @throws KimiError when another one has it, or it can't be locked.
 */
export function lockSession(path: string, id: string): () => void {
  return lockFile(`${path}.lock`, {
    message: `session ${id} is open in another kimi`,
    code: "session-locked",
    hint: "Close that one first, or go on in another session.",
    failure: {
      message: `session ${id} can't be locked`,
      code: "session",
      hint: "Make its folder one that can be written to, or start with --no-session.",
    },
  });
}
