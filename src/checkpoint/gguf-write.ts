import { ggmlLayout } from "./ggml-types.ts";

/** A key's value and which of GGUF's types it has (ggml's docs/gguf.md). */
export type GgufEntry =
  | { readonly type: "u16" | "u32" | "i32" | "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "i32[]"; readonly value: readonly number[] }
  | { readonly type: "string[]"; readonly value: readonly string[] };

export type GgufEntries = readonly (readonly [key: string, entry: GgufEntry])[];

export interface GgufTensorPlan {
  readonly name: string;
  /** Fastest-varying first, as ggml has them. */
  readonly dimensions: readonly number[];
  /** ggml's name of the type. */
  readonly type: string;
  readonly sizeBytes: number;
}

export interface GgufLayout {
  /** Everything before the tensor data, padded. */
  readonly head: Buffer;
  /** Of each tensor, from the start of the file. */
  readonly positions: readonly number[];
  readonly sizeBytes: number;
}

const alignment = 32;
const padded = (length: number): number => Math.ceil(length / alignment) * alignment;

/** Bytes of a tensor in a file. */
export function tensorBytes(type: string, dimensions: readonly number[]): number {
  const { blockSize, blockBytes } = ggmlLayout(type);
  return (dimensions.reduce((product, size) => product * size, 1) / blockSize) * blockBytes;
}

/** Bytes that a tensor takes in a file, with what fills up to the next one. */
export function paddedTensorBytes({ sizeBytes }: GgufTensorPlan): number {
  return padded(sizeBytes);
}

/** Where everything lies in a GGUF file (version 3, little-endian) before any of it is written. */
export function layOutGguf(entries: GgufEntries, tensors: readonly GgufTensorPlan[]): GgufLayout {
  const out = new ByteWriter();
  out.bytes(Buffer.from("GGUF", "latin1"));
  out.u32(3);
  out.u64(tensors.length);
  out.u64(entries.length);
  for (const [key, entry] of entries) writeEntry(out, key, entry);
  let offset = 0;
  const offsets = tensors.map((tensor) => {
    const own = offset;
    out.string(tensor.name);
    out.u32(tensor.dimensions.length);
    for (const size of tensor.dimensions) out.u64(size);
    out.u32(ggmlLayout(tensor.type).number);
    out.u64(own);
    offset += paddedTensorBytes(tensor);
    return own;
  });
  const head = out.finish(alignment);
  return {
    head,
    positions: offsets.map((own) => head.length + own),
    sizeBytes: head.length + offset,
  };
}

function writeEntry(out: ByteWriter, key: string, entry: GgufEntry): void {
  out.string(key);
  switch (entry.type) {
    case "u16":
      out.u32(2);
      return out.u16(entry.value);
    case "u32":
      out.u32(4);
      return out.u32(entry.value);
    case "i32":
      out.u32(5);
      return out.i32(entry.value);
    case "f32":
      out.u32(6);
      return out.f32(entry.value);
    case "bool":
      out.u32(7);
      return out.u8(entry.value ? 1 : 0);
    case "string":
      out.u32(8);
      return out.string(entry.value);
    case "i32[]":
      out.arrayHead(5, entry.value.length);
      return entry.value.forEach((item) => out.i32(item));
    case "string[]":
      out.arrayHead(8, entry.value.length);
      return entry.value.forEach((item) => out.string(item));
    default:
      entry satisfies never;
  }
}

/** Little-endian values one after another, in a buffer that grows. */
class ByteWriter {
  #buffer = Buffer.alloc(1 << 16);
  #length = 0;

  u8(value: number): void {
    this.#length = this.#room(1).writeUInt8(value, this.#length);
  }

  u16(value: number): void {
    this.#length = this.#room(2).writeUInt16LE(value, this.#length);
  }

  u32(value: number): void {
    this.#length = this.#room(4).writeUInt32LE(value, this.#length);
  }

  i32(value: number): void {
    this.#length = this.#room(4).writeInt32LE(value, this.#length);
  }

  u64(value: number): void {
    this.#length = this.#room(8).writeBigUInt64LE(BigInt(value), this.#length);
  }

  f32(value: number): void {
    this.#length = this.#room(4).writeFloatLE(value, this.#length);
  }

  bytes(value: Buffer): void {
    this.#room(value.length).set(value, this.#length);
    this.#length += value.length;
  }

  string(value: string): void {
    const bytes = Buffer.from(value, "utf8");
    this.u64(bytes.length);
    this.bytes(bytes);
  }

  arrayHead(itemType: number, length: number): void {
    this.u32(9);
    this.u32(itemType);
    this.u64(length);
  }

  finish(alignment: number): Buffer {
    this.bytes(Buffer.alloc(-this.#length & (alignment - 1)));
    return this.#buffer.subarray(0, this.#length);
  }

  #room(length: number): Buffer {
    if (this.#length + length > this.#buffer.length) {
      const grown = Buffer.alloc(2 * this.#buffer.length + length);
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    return this.#buffer;
  }
}
