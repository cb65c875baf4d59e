import { existsSync } from "node:fs";
import { readGguf, type GgufFile } from "../../checkpoint/gguf-read.ts";
import { KimiError } from "../../errors.ts";

/** What the local engine needs to know of a model file before it loads it. */
export interface ModelFile {
  /** Of the first shard. */
  readonly path: string;
  /** Of all shards, in order. */
  readonly paths: readonly string[];
  /** Of all shards together, in bytes. */
  readonly sizeBytes: number;
  readonly head: GgufFile;
  /** Of all shards. */
  readonly tensors: GgufFile["tensors"];
}

/**
 * Reads the heads of a GGUF file and of all its shards, whichever of them is named.
 * @throws KimiError for a file or shard that is missing, cut off or not GGUF.
 */
export function openModelFile(path: string): ModelFile {
  const shard = /^(?<stem>.*)-\d{5}-of-(?<count>\d{5})\.gguf$/s.exec(path)?.groups;
  const count = shard ? Number(shard["count"]) : 1;
  const paths = shard
    ? Array.from(
        { length: count },
        (_, i) => `${shard["stem"]}-${String(i + 1).padStart(5, "0")}-of-${shard["count"]}.gguf`,
      )
    : [path];
  const missing = paths.find((shardPath) => count > 1 && !existsSync(shardPath));
  if (missing !== undefined) {
    throw new KimiError(`a shard of the model is missing: ${missing}`, {
      code: "no-model-file",
      hint: `All ${count} files of a split model must lie in one folder under their own names.`,
    });
  }
  const heads = paths.map(readGguf);
  const [head] = heads as [GgufFile];
  return {
    path: head.path,
    paths,
    sizeBytes: heads.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    head,
    tensors: heads.flatMap(({ tensors }) => tensors),
  };
}

/** A number in the file's metadata; `undefined` if it is not there. */
export function numberIn({ head }: ModelFile, key: string): number | undefined {
  const value = head.metadata.get(key);
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}
