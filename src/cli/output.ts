import {
  chmodSync,
  existsSync,
  lstatSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { KimiError, messageOf, usageError } from "../errors.ts";
import type { Output } from "../render/renderer.ts";

export interface ClosableOutput extends Output {
  /** Everything is written when this returns; of a run that failed, not to a file. */
  close(outcome: { readonly failed: boolean }): void;
}

/** Standard output; what is written in one turn of the event loop is one write. */
export function standardOutput(): ClosableOutput {
  let waiting = "";
  const flush = (): void => {
    const text = waiting;
    waiting = "";
    try {
      if (text !== "") process.stdout.write(text);
    } catch (cause) {
      // A file is written at once, and throws; a pipe tells of it in an event.
      throw unwritable(cause);
    }
  };
  return {
    write(text) {
      if (waiting === "") setImmediate(flush);
      waiting += text;
    },
    close: flush,
  };
}

/** What a full disk makes of standard output. */
export function unwritable(cause: unknown): KimiError {
  return new KimiError(`standard output can't be written: ${messageOf(cause)}`, {
    code: "output",
    hint: "Make room, or write elsewhere.",
    cause,
  });
}

/**
 * A file, written whole at the end, so that a failed run leaves what was there. A pipe or a device is
 * written to as it is, a link is followed.
 * @throws KimiError for a path that can't be written, before anything is spent on an answer.
 */
export function fileOutput(path: string): ClosableOutput {
  const status = statSync(path, { throwIfNoEntry: false });
  const isSpecial = status !== undefined && !status.isFile();
  const target = isSpecial ? path : followLinks(resolve(path));
  if (path === "" || status?.isDirectory() || !existsSync(dirname(target))) {
    throw usageError(
      `-o ${JSON.stringify(path)} is ${status?.isDirectory() ? "a folder" : "in no folder that exists"}`,
      "Give the path of a file to write.",
    );
  }
  let all = "";
  return {
    write(text) {
      all += text;
    },
    close({ failed }) {
      if (failed) return;
      const draft = `${target}.${process.pid}.part`;
      try {
        if (isSpecial) return writeFileSync(path, all);
        writeFileSync(draft, all);
        if (status) chmodSync(draft, status.mode);
        renameSync(draft, target);
      } catch (cause) {
        rmSync(draft, { force: true });
        process.stdout.write(all); // nothing is lost
        throw new KimiError(`${path} can't be written: ${messageOf(cause)}`, {
          code: "output",
          hint: "What was to be in it is on standard output.",
          cause,
        });
      }
    },
  };
}

/** The file that a link leads to, whether that is there or not. */
function followLinks(path: string): string {
  for (let at = path, hops = 0; hops < 40; hops++) {
    if (!lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return at;
    at = resolve(dirname(at), readlinkSync(at));
  }
  return path;
}
