import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import type { LoadedLlama } from "../load-llama.ts";
import type { PlacementOptions } from "../local-placement.ts";
import type { ModelFile } from "../model-file.ts";
import { openNativeAddon } from "../native-addon.ts";
import { yarnBetas } from "../yarn-betas.ts";

/** Of the model's first file: its metadata, or the most of them. */
const hashedBytes = 1 << 20;

/**
 * All that a sequence's state depends on beside its tokens: the model's files, how keys and values are
 * kept and rotated, and who laid them out. The context's size is not part of it.
 */
export function stateIdentity(
  file: ModelFile,
  { model, sequence }: LoadedLlama,
  { kvType = "f16" }: PlacementOptions,
): string {
  const { llama } = model;
  const canTurn = "addon" in openNativeAddon();
  return JSON.stringify({
    files: file.paths.map((path) => {
      const { size, mtimeMs } = statSync(path);
      return [realpathSync(path), size, mtimeMs];
    }),
    head: hashOfHead(file.path),
    kvType,
    flashAttention: sequence.context.flashAttention,
    gpu: llama.gpu,
    betas: canTurn ? yarnBetas(file) : undefined,
    release: llama.llamaCppRelease.release,
    processor: process.arch,
  });
}

function hashOfHead(path: string): string {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(hashedBytes);
    const length = readSync(file, head, 0, hashedBytes, 0);
    return createHash("sha256").update(head.subarray(0, length)).digest("base64");
  } finally {
    closeSync(file);
  }
}
