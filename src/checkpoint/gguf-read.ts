import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { exitCodes, KimiError } from "../errors.ts";
import { ggmlTensorBytes, ggmlTypeName } from "./ggml-types.ts";

export type GgufValue = number | bigint | boolean | string | readonly GgufValue[];

export interface GgufTensor {
  readonly name: string;
  /** Fastest-varying first, as ggml has them. */
  readonly dimensions: readonly number[];
  /** ggml's name of the type, `Q8_0` for one. */
  readonly type: string;
  /** From the start of the tensor data, in bytes. */
  readonly offset: number;
  /** Bytes; `undefined` for a type not known here. */
  readonly size: number | undefined;
}

export interface GgufFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
}

/** Where the bytes of a head come from: a file, or what is there already of a remote one. */
export interface ByteSource {
  /** Of the whole file. */
  readonly sizeBytes: number;
  /** At least `length` bytes from `start` on, within the file; what it throws goes to the caller. */
  read(start: number, length: number): Buffer;
}

/**
 * The head of a GGUF file (versions 2 and 3, little-endian; format: ggml's docs/gguf.md): metadata and
 * where each tensor is. Reads no tensor data.
 * @throws KimiError for a file that is not there, is not GGUF, or ends too early.
 */
export function readGguf(path: string): GgufFile {
  const file = openFile(path);
  try {
    return readGgufHead(fileSource(file, path), path);
  } finally {
    closeSync(file);
  }
}

/** The same of any source; `path` names it in messages. */
export function readGgufHead(source: ByteSource, path: string): GgufFile {
  const cursor = new Cursor(source, path);
  if (cursor.sizeBytes < 24 || cursor.magic() !== "GGUF") throw notGguf(path);
  const version = cursor.u32();
  if (version < 2 || version > 3) {
    throw new KimiError(`${path} is GGUF version ${version}, which is not supported`, {
      code: "bad-model-file",
      hint: "Convert it again with a current converter (version 3).",
    });
  }
  const tensorCount = cursor.u64();
  const metadataCount = cursor.u64();
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < metadataCount; i++) metadata.set(cursor.string(), cursor.value(cursor.u32()));
  const tensors: GgufTensor[] = [];
  for (let i = 0; i < tensorCount; i++) tensors.push(cursor.tensor());
  const alignment = Number(metadata.get("general.alignment") ?? 32);
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  for (const tensor of tensors) {
    if (dataStart + tensor.offset + (tensor.size ?? 0) > cursor.sizeBytes) {
      throw truncated(path, `tensor ${tensor.name} is not all there`);
    }
  }
  return { path, sizeBytes: cursor.sizeBytes, metadata, tensors };
}

function fileSource(file: number, path: string): ByteSource {
  const { size } = fstatSync(file);
  return {
    sizeBytes: size,
    read(start, length) {
      const wanted = Math.min(Math.max(length, readAhead), size - start);
      const buffer = Buffer.allocUnsafe(wanted);
      const read = readSync(file, buffer, 0, wanted, start);
      if (read < length) throw truncated(path, "it ends inside its head");
      return buffer.subarray(0, read);
    },
  };
}

function openFile(path: string): number {
  try {
    const file = openSync(path, "r");
    if (!fstatSync(file).isDirectory()) return file;
    closeSync(file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason = code === "ENOENT" ? "does not exist" : `can't be opened (${code})`;
    throw new KimiError(`the model file ${path} ${reason}`, {
      code: "no-model-file",
      ...(code === "ENOENT" ? { exitCode: exitCodes.usage } : {}),
      hint: "Check the path given with --model; without it the embedded demonstration model is used.",
      cause,
    });
  }
  throw new KimiError(`${path} is a folder, not a GGUF file`, {
    code: "bad-model-file",
    hint: "Name the file in it; of a split model, the first: NAME-00001-of-0000N.gguf.",
  });
}

function notGguf(path: string): KimiError {
  return new KimiError(`${path} is not a GGUF file`, {
    code: "bad-model-file",
    hint: "A local model is a .gguf file; for a server's model give --base-url as well.",
  });
}

function truncated(path: string, what: string): KimiError {
  return new KimiError(`${path} is cut off: ${what}`, {
    code: "bad-model-file",
    hint: "Download or copy it again, and compare its size with the original's.",
  });
}

const readAhead = 1 << 20;

/** Reads values one after another. */
class Cursor {
  readonly sizeBytes: number;
  readonly #source: ByteSource;
  readonly #path: string;
  #buffer: Buffer = Buffer.alloc(0);
  #bufferStart = 0;
  #at = 0;

  constructor(source: ByteSource, path: string) {
    this.#source = source;
    this.#path = path;
    this.sizeBytes = source.sizeBytes;
  }

  get position(): number {
    return this.#bufferStart + this.#at;
  }

  magic(): string {
    return this.#take(4).toString("latin1");
  }

  u32(): number {
    return this.#take(4).readUInt32LE();
  }

  u64(): number {
    return Number(this.#take(8).readBigUInt64LE());
  }

  string(): string {
    return this.#take(this.u64()).toString("utf8");
  }

  value(type: number, depth = 0): GgufValue {
    switch (type) {
      case 0:
        return this.#take(1).readUInt8();
      case 1:
        return this.#take(1).readInt8();
      case 2:
        return this.#take(2).readUInt16LE();
      case 3:
        return this.#take(2).readInt16LE();
      case 4:
        return this.u32();
      case 5:
        return this.#take(4).readInt32LE();
      case 6:
        return this.#take(4).readFloatLE();
      case 7:
        return this.#take(1).readUInt8() !== 0;
      case 8:
        return this.string();
      case 9: {
        if (depth > 4) throw truncated(this.#path, "its metadata nests too deep");
        const itemType = this.u32();
        const length = this.u64();
        if (length > this.sizeBytes) throw truncated(this.#path, "its metadata does not fit in it");
        const items: GgufValue[] = [];
        for (let i = 0; i < length; i++) items.push(this.value(itemType, depth + 1));
        return items;
      }
      case 10:
        return this.#take(8).readBigUInt64LE();
      case 11:
        return this.#take(8).readBigInt64LE();
      case 12:
        return this.#take(8).readDoubleLE();
      default:
        throw truncated(this.#path, `metadata of an unknown type ${type}`);
    }
  }

  tensor(): GgufTensor {
    const name = this.string();
    const dimensions = Array.from({ length: this.u32() }, () => this.u64());
    const type = this.u32();
    const offset = this.u64();
    const size = ggmlTensorBytes(
      type,
      dimensions.reduce((product, size) => product * size, 1),
    );
    return { name, dimensions, type: ggmlTypeName(type), offset, size };
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#buffer.length) this.#fill(length);
    const start = this.#at;
    this.#at += length;
    return this.#buffer.subarray(start, this.#at);
  }

  #fill(length: number): void {
    const start = this.position;
    if (start + length > this.sizeBytes) throw truncated(this.#path, "it ends inside its head");
    this.#buffer = this.#source.read(start, length);
    this.#bufferStart = start;
    this.#at = 0;
  }
}
