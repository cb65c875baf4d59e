import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import { exitCodes, KimiError, messageOf } from "../errors.ts";

/** Bytes of a value of each type that is known here (safetensors' README.md). */
const valueBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

export type SafetensorsType = keyof typeof valueBytes;

/** A tensor of a checkpoint and where its bytes are. Row-major, slowest-varying dimension first. */
export interface CheckpointTensor {
  readonly name: string;
  readonly type: SafetensorsType;
  readonly shape: readonly number[];
  readonly path: string;
  /** From the start of the file. */
  readonly position: number;
  readonly sizeBytes: number;
}

export interface CheckpointFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface CheckpointTensors {
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  readonly files: readonly CheckpointFile[];
}

const headAtMost = 100_000_000; // safetensors' own limit
const indexName = "model.safetensors.index.json";

/**
 * The heads of a checkpoint's safetensors files: those that the index names, or the single one.
 * Reads no tensor data.
 * @throws KimiError naming the file, and the tensor where one is at fault.
 */
export function readCheckpointTensors(folder: string): CheckpointTensors {
  const index = join(folder, indexName);
  const weightMap = existsSync(index) ? readIndex(index) : undefined;
  const names = weightMap ? [...new Set(weightMap.values())].toSorted() : ["model.safetensors"];
  const tensors = new Map<string, CheckpointTensor>();
  const files = names.map((name) => {
    const { file, found } = readHead(join(folder, name), weightMap !== undefined);
    for (const tensor of found) {
      const other = tensors.get(tensor.name);
      if (other) throw badShard(tensor.path, `tensor ${tensor.name} is in ${other.path}, too`);
      tensors.set(tensor.name, tensor);
    }
    return file;
  });
  for (const [tensor, file] of weightMap ?? []) {
    if (basename(tensors.get(tensor)?.path ?? "") !== file) {
      throw badShard(join(folder, file), `tensor ${tensor} is not in it, which ${indexName} says`);
    }
  }
  return { tensors, files };
}

function readIndex(path: string): Map<string, string> {
  let index: unknown;
  try {
    index = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw badShard(path, messageOf(cause));
  }
  const map = (index as { weight_map?: Record<string, unknown> } | null)?.weight_map;
  const entries = typeof map === "object" && map !== null ? Object.entries(map) : [];
  const isGood = ([, file]: readonly [string, unknown]): boolean =>
    typeof file === "string" && file === basename(file) && file.endsWith(".safetensors");
  const bad = entries.find((entry) => !isGood(entry));
  if (bad) throw badShard(path, `${bad[0]} is in no .safetensors file beside it`);
  if (entries.length === 0) throw badShard(path, "it has no weight_map");
  return new Map(entries as [string, string][]);
}

function readHead(
  path: string,
  isShard: boolean,
): { file: CheckpointFile; found: CheckpointTensor[] } {
  const file = openShard(path, isShard);
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw badShard(path, "it is no file");
    const { size, mtimeMs } = status;
    const length = Buffer.alloc(8);
    if (readSync(file, length, 0, 8, 0) < 8) throw badShard(path, "it is shorter than 8 bytes");
    const headBytes = Number(length.readBigUInt64LE());
    if (headBytes > headAtMost)
      throw badShard(path, `its head would have ${headBytes} bytes, more than 100 MB`);
    if (8 + headBytes > size) throw badShard(path, "it ends inside its head");
    const head = Buffer.alloc(headBytes);
    if (readSync(file, head, 0, headBytes, 8) < headBytes)
      throw badShard(path, "it ends inside its head");
    const found = tensorsOf({ path, head, start: 8 + headBytes, sizeBytes: size });
    return { file: { path, sizeBytes: size, modifiedMs: mtimeMs }, found };
  } finally {
    closeSync(file);
  }
}

function openShard(path: string, isShard: boolean): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "is missing" : `can't be opened (${code})`;
    throw new KimiError(
      isShard ? `the shard ${path} ${reason}` : `the checkpoint's ${path} ${reason}`,
      {
        code: "no-checkpoint",
        ...(code === "ENOENT" ? { exitCode: exitCodes.usage } : {}),
        hint: isShard
          ? `Download it again: ${indexName} names it.`
          : `A checkpoint is a folder with ${indexName} or model.safetensors.`,
        cause,
      },
    );
  }
}

interface Head {
  readonly path: string;
  readonly head: Buffer;
  readonly start: number;
  readonly sizeBytes: number;
}

function tensorsOf({ path, head, start, sizeBytes }: Head): CheckpointTensor[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(head.toString("utf8"));
  } catch (cause) {
    throw badShard(path, `its head is no JSON: ${messageOf(cause)}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw badShard(path, "its head is no JSON object");
  const tensors = Object.entries(parsed)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => tensorOf({ name, value: value as unknown, path, start, sizeBytes }))
    .toSorted((a, b) => a.position - b.position || a.sizeBytes - b.sizeBytes);
  let end = start;
  for (const { name, position, sizeBytes: size } of tensors) {
    if (position < end) throw badShard(path, `tensor ${name} overlaps the one before it`);
    if (position > end) throw badShard(path, `there is a gap before tensor ${name}`);
    end = position + size;
  }
  if (end < sizeBytes) throw badShard(path, `${sizeBytes - end} bytes follow its last tensor`);
  return tensors;
}

interface RawTensor {
  readonly name: string;
  readonly value: unknown;
  readonly path: string;
  readonly start: number;
  readonly sizeBytes: number;
}

function tensorOf({ name, value, path, start, sizeBytes }: RawTensor): CheckpointTensor {
  const raw = (value ?? {}) as Record<string, unknown>;
  const { dtype, shape, data_offsets: offsets } = raw;
  if (typeof dtype !== "string" || !Object.hasOwn(valueBytes, dtype))
    throw badShard(path, `tensor ${name} has the unknown type ${JSON.stringify(dtype)}`);
  const type = dtype as SafetensorsType;
  if (!isSizes(shape)) throw badShard(path, `tensor ${name} has no shape`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw badShard(path, `tensor ${name} has no data_offsets`);
  const [from = 0, to = 0] = offsets;
  const expected = shape.reduce((product, size) => product * size, valueBytes[type]);
  if (to - from !== expected) {
    const text = `tensor ${name} has ${to - from} bytes, but ${type} [${shape.join(", ")}] takes ${expected}`;
    throw badShard(path, text);
  }
  if (start + to > sizeBytes)
    throw badShard(path, `it is cut off: tensor ${name} is not all there`);
  return { name, type, shape, path, position: start + from, sizeBytes: expected };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function badShard(path: string, what: string): KimiError {
  return new KimiError(`${path} can't be used: ${what}`, {
    code: "bad-checkpoint",
    hint: "Download the file again, and compare its size or checksum with the original's.",
  });
}
