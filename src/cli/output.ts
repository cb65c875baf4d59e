import { existsSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { KimiError, messageOf } from "../errors.ts";
import type { Output } from "../render/renderer.ts";

export interface ClosableOutput extends Output {
  /** Everything is written when this returns; of a run that failed, not to a file. */
  close(outcome: { readonly failed: boolean }): void;
}

/** Standard output; what is written in one turn of the event loop is one write. */
export function standardOutput(): ClosableOutput {
  let waiting = "";
  const flush = (): void => {
    if (waiting !== "") process.stdout.write(waiting);
    waiting = "";
  };
  return {
    write(text) {
      if (waiting === "") setImmediate(flush);
      waiting += text;
    },
    close: flush,
  };
}

/**
 * A file, written whole at the end, so that a failed run leaves what was there. A pipe or a device is
 * written to as it is, a link is followed.
 */
export function fileOutput(path: string): ClosableOutput {
  let all = "";
  return {
    write(text) {
      all += text;
    },
    close({ failed }) {
      if (failed) return;
      try {
        const isThere = existsSync(path);
        if (isThere && !statSync(path).isFile()) return writeFileSync(path, all);
        const target = isThere ? realpathSync(path) : path;
        const draft = `${target}.${process.pid}.part`;
        writeFileSync(draft, all, isThere ? { mode: statSync(target).mode } : {});
        renameSync(draft, target);
      } catch (cause) {
        throw new KimiError(`${path} can't be written: ${messageOf(cause)}`, {
          code: "output",
          hint: "Check the path given with -o.",
          cause,
        });
      }
    },
  };
}
