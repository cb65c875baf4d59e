import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

interface JournalState {
  readonly key: string;
  readonly finished: ReadonlySet<string>;
  /** Everything is converted; the files are getting their names. */
  readonly isComplete: boolean;
}

/**
 * What is finished of a conversion, as JSON lines beside its output, so that it can go on after a kill:
 * first the plan's key, then a line for each tensor whose bytes are on the disk.
 */
export class ConversionJournal {
  readonly #path: string;
  readonly #file: number;
  #isOpen = true;

  private constructor(path: string, file: number) {
    this.#path = path;
    this.#file = file;
  }

  /** `undefined` if there is none that can be read. */
  static read(path: string): JournalState | undefined {
    try {
      // A last line without its end was being written when the program died.
      const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
      const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      const key = records[0]?.["key"];
      if (typeof key !== "string") return undefined;
      return {
        key,
        finished: new Set(
          records.map(({ tensor }) => tensor).filter((name) => typeof name === "string"),
        ),
        isComplete: records.some(({ complete }) => complete === true),
      };
    } catch {
      return undefined;
    }
  }

  static begin(path: string, key: string): ConversionJournal {
    const draft = `${path}.new`;
    const file = openSync(draft, "w");
    writeSync(file, `${JSON.stringify({ key })}\n`);
    fsyncSync(file);
    renameSync(draft, path);
    syncFolder(path);
    return new ConversionJournal(path, file);
  }

  /** To go on with; a line that was cut off is taken out. */
  static continue(path: string): ConversionJournal {
    const file = openSync(path, "r+");
    ftruncateSync(file, readFileSync(path).lastIndexOf("\n") + 1);
    closeSync(file);
    return new ConversionJournal(path, openSync(path, "a"));
  }

  /** The tensors' bytes must be on the disk already. */
  add(tensors: readonly string[]): void {
    this.#append(tensors.map((tensor) => ({ tensor })));
  }

  complete(): void {
    this.#append([{ complete: true }]);
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#file);
    this.#isOpen = false;
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }

  #append(records: readonly object[]): void {
    writeSync(this.#file, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    fdatasyncSync(this.#file);
  }
}

/** Makes names in a file's folder last, where the system can (not on Windows). */
export function syncFolder(path: string): void {
  try {
    const folder = openSync(dirname(path), "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch {
    // Then the names are written when the system likes.
  }
}
