import { renameSync, writeFileSync } from "node:fs";
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

/** A file, written whole at the end, so that a failed run leaves what was there. */
export function fileOutput(path: string): ClosableOutput {
  let all = "";
  return {
    write(text) {
      all += text;
    },
    close({ failed }) {
      if (failed) return;
      try {
        const draft = `${path}.${process.pid}.part`;
        writeFileSync(draft, all);
        renameSync(draft, path);
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
