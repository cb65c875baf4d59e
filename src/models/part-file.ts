import { createHash, type Hash } from "node:crypto";
import {
  createReadStream,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdir, open, rename, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { KimiError, messageOf } from "../errors.ts";

/** What is known of the bytes that are there, kept beside them so that another run can go on. */
export interface PartState {
  readonly url: string;
  /** Strong, of the server that the bytes came from. */
  readonly etag: string | undefined;
  /** Of the whole file. */
  readonly sizeBytes: number | undefined;
}

/** A file that is coming: `TARGET.part`, its state in `TARGET.part.json`, and the hash of what is there. */
export class PartFile {
  readonly #target: string;
  readonly #file: FileHandle;
  #hash: Hash;
  #size: number;
  #state: PartState;

  private constructor(target: string, file: FileHandle, from: Resumed) {
    this.#target = target;
    this.#file = file;
    this.#hash = from.hash;
    this.#size = from.size;
    this.#state = from.state;
  }

  /** Goes on from what an earlier run has left of the same URL. */
  static async open(target: string, url: string): Promise<PartFile> {
    const path = `${target}.part`;
    await mkdir(dirname(target), { recursive: true });
    const state = readState(`${path}.json`);
    const size = state?.url === url ? (statSync(path, { throwIfNoEntry: false })?.size ?? 0) : 0;
    const hash = createHash("sha256");
    if (size > 0) for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
    const file = await open(path, size > 0 ? "r+" : "w");
    const fresh = { url, etag: undefined, sizeBytes: undefined };
    return new PartFile(target, file, {
      hash,
      size,
      state: (size > 0 ? state : undefined) ?? fresh,
    });
  }

  get size(): number {
    return this.#size;
  }

  get state(): PartState {
    return this.#state;
  }

  /** Before the first byte of an answer is written. */
  remember(state: PartState): void {
    this.#state = state;
    writeFileSync(`${this.#target}.part.json`, JSON.stringify(state));
  }

  async restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash("sha256");
    this.#size = 0;
    this.remember({ url: this.#state.url, etag: undefined, sizeBytes: undefined });
  }

  /** @throws KimiError for a disk that is full; what was written stays. */
  async append(piece: Buffer): Promise<void> {
    try {
      for (let done = 0; done < piece.length;) {
        const { bytesWritten } = await this.#file.write(
          piece,
          done,
          piece.length - done,
          this.#size + done,
        );
        done += bytesWritten;
      }
    } catch (cause) {
      throw new KimiError(`${this.#target} can't be written: ${messageOf(cause)}`, {
        code: "disk",
        hint: "Make room and pull again: it goes on from where it stopped.",
        cause,
      });
    }
    this.#hash.update(piece);
    this.#size += piece.length;
  }

  /** Puts the file in its place, whole or not at all, and returns its SHA-256. */
  async finish(expected: string | undefined): Promise<string> {
    const sha256 = this.#hash.copy().digest("hex");
    if (expected !== undefined && sha256 !== expected.toLowerCase()) {
      await this.close();
      this.#remove();
      throw new KimiError(`${this.#target} is damaged: its SHA-256 is ${sha256}, not ${expected}`, {
        code: "checksum",
        hint: "It was removed; pull again. If it happens twice, the file is not what it claims to be.",
      });
    }
    await this.#file.sync();
    await this.close();
    await rename(`${this.#target}.part`, this.#target);
    rmSync(`${this.#target}.part.json`, { force: true });
    return sha256;
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => {});
  }

  #remove(): void {
    for (const end of ["part", "part.json"]) rmSync(`${this.#target}.${end}`, { force: true });
  }
}

interface Resumed {
  readonly hash: Hash;
  readonly size: number;
  readonly state: PartState;
}

function readState(path: string): PartState | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as PartState;
  } catch {
    return undefined; // not there, or cut off: then nothing is known of the bytes
  }
}

/** @throws KimiError if the disk has less room than is needed. */
export function checkRoom(folder: string, neededBytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= neededBytes) return;
  const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
  throw new KimiError(
    `${folder} has room for ${gigabytes(free)} GB, and ${gigabytes(neededBytes)} GB are to come`,
    {
      code: "disk",
      hint: "Make room, or let the data folder lie on another disk (XDG_DATA_HOME).",
    },
  );
}
