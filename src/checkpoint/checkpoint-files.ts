import { existsSync, readdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { exitCodes, KimiError, messageOf } from "../errors.ts";

/** A folder of a model's files, here or on a server, of which only pieces are read. */
export interface CheckpointFiles {
  /** As the user named it, for messages. */
  readonly location: string;
  /** Below the location, with `/` between folders. */
  readonly names: readonly string[];
  /** Bytes. @throws KimiError for a file that can't be reached. */
  sizeOf(name: string): Promise<number>;
  /** The bytes from `start` on, fewer than `length` only at the file's end. */
  read(name: string, start: number, length: number): Promise<Buffer>;
}

/**
 * A model on disk: a folder, or one file. Of a split GGUF any file may be named, and all that are there belong to it.
 * @throws KimiError for a path that is not there.
 */
export function localFiles(path: string): CheckpointFiles {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) {
    throw new KimiError(`there is no model at ${path}`, {
      code: "no-model-file",
      exitCode: exitCodes.usage,
      hint: "Give a .gguf or .safetensors file, a checkpoint's folder, the name of a pulled model, hf:ORG/NAME or a URL.",
    });
  }
  const folder = status.isDirectory() ? path : dirname(path);
  const names = status.isDirectory()
    ? readdirSync(path).filter((name) => statSync(join(path, name)).isFile())
    : shardNames(basename(path)).filter((name) => existsSync(join(folder, name)));
  return {
    location: path,
    names: names.sort(),
    sizeOf: async (name) => statSync(join(folder, name)).size,
    read: (name, start, length) => readPiece(join(folder, name), start, length),
  };
}

/** All the files of the split model that one belongs to, in order; of any other file, itself. */
export function shardNames(name: string): string[] {
  const shard = /^(?<stem>.*)-(?<index>\d{5})-of-(?<count>\d{5,6})(?<end>\.gguf)$/s.exec(
    name,
  )?.groups;
  if (!shard) return [name];
  const { stem, count = "", end } = shard;
  return Array.from(
    { length: Number(count) },
    (_, index) => `${stem}-${String(index + 1).padStart(5, "0")}-of-${count}${end}`,
  );
}

async function readPiece(path: string, start: number, length: number): Promise<Buffer> {
  try {
    const file = await open(path, "r");
    try {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, start);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new KimiError(`${path} can't be read: ${messageOf(cause)}`, {
      code: "no-model-file",
      hint: "Check the file's permissions and the disk.",
      cause,
    });
  }
}
