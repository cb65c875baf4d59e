/** Cuts a GGUF file into shards as gguf-split does (k2-facts §4.6). */
import { readFileSync, writeFileSync } from "node:fs";
import { readGguf } from "../../src/checkpoint/gguf-read.ts";

const alignment = 32;

/** Writes `STEM-0000N-of-0000M.gguf`, the tensors divided evenly, and returns the paths. */
export function splitGguf(path: string, stem: string, count: number): string[] {
  const bytes = readFileSync(path);
  const { tensors, metadata } = readGguf(path);
  const infoBytes = (list: typeof tensors): number =>
    list.reduce(
      (sum, { name, dimensions }) =>
        sum + 8 + Buffer.byteLength(name) + 4 + 8 * dimensions.length + 4 + 8,
      0,
    );
  const dataBytes = tensors.reduce((sum, { size = 0 }) => sum + padded(size), 0);
  const dataStart = bytes.length - dataBytes;
  const metadataEnd =
    bytes.indexOf(tensors[0]?.name ?? "", dataStart - infoBytes(tensors) - alignment) - 8;
  const ownMetadata = bytes.subarray(24, metadataEnd);
  const perShard = Math.ceil(tensors.length / count);
  const types = readTypes(bytes, metadataEnd, tensors.length);
  return Array.from({ length: count }, (_, shard) => {
    const mine = tensors.slice(shard * perShard, (shard + 1) * perShard);
    let offset = 0;
    const infos = mine.map(({ name, dimensions, size = 0 }) => {
      const info = Buffer.concat([
        string(name),
        u32(dimensions.length),
        ...dimensions.map(u64),
        u32(types.get(name) ?? 0),
        u64(offset),
      ]);
      offset += padded(size);
      return info;
    });
    const split = [
      Buffer.concat([string("split.no"), u32(2), u16(shard)]),
      Buffer.concat([string("split.count"), u32(2), u16(count)]),
      Buffer.concat([string("split.tensors.count"), u32(5), u32(tensors.length)]),
    ];
    const keys = shard === 0 ? [ownMetadata, ...split] : split;
    const keyCount = (shard === 0 ? metadata.size : 0) + split.length;
    const head = Buffer.concat([
      Buffer.from("GGUF"),
      u32(3),
      u64(mine.length),
      u64(keyCount),
      ...keys,
      ...infos,
    ]);
    const data = mine.map(({ offset: at, size = 0 }) =>
      bytes.subarray(dataStart + at, dataStart + at + padded(size)),
    );
    const shardPath = `${stem}-${String(shard + 1).padStart(5, "0")}-of-${String(count).padStart(5, "0")}.gguf`;
    writeFileSync(
      shardPath,
      Buffer.concat([head, Buffer.alloc(padded(head.length) - head.length), ...data]),
    );
    return shardPath;
  });
}

/** The types of tensors as numbers, which the reader gives as names. */
function readTypes(bytes: Buffer, start: number, count: number): Map<string, number> {
  const types = new Map<string, number>();
  let at = start;
  for (let i = 0; i < count; i++) {
    const length = Number(bytes.readBigUInt64LE(at));
    const name = bytes.toString("utf8", at + 8, at + 8 + length);
    at += 8 + length;
    at += 4 + 8 * bytes.readUInt32LE(at);
    types.set(name, bytes.readUInt32LE(at));
    at += 12;
  }
  return types;
}

const padded = (length: number): number => Math.ceil(length / alignment) * alignment;

function u16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16LE(value);
  return buffer;
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

const string = (text: string): Buffer =>
  Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);
