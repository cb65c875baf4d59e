/** What the heavy benches measure with. Made once and kept, since it takes a minute: delete the folder at will. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { writeLargeCheckpoint } from "../test/support/synthetic-checkpoint.ts";
import type { SyntheticModel } from "../test/support/synthetic-tensors.ts";
import { program, root, runNode } from "./measure.ts";

export const cache = join(tmpdir(), "kimi-bench-cache");

/** `KIMI_BENCH_ROUNDS`, for a quick look or a noisy machine; else the usual number. */
export function roundsOr(usual: number): number {
  return Number(process.env["KIMI_BENCH_ROUNDS"] ?? usual);
}

/** Says so if others use the machine: figures of seconds are then of little worth. */
export function warnOfLoad(): void {
  const [load = 0] = loadavg();
  const cores = availableParallelism();
  if (load > cores / 4)
    console.error(`the machine is busy: load ${load.toFixed(1)} on ${cores} cores`);
}

/** K2's shape with fewer and narrower layers and experts: 3 GB in FP8, 0.5 GB of them for each token. */
const model: SyntheticModel = {
  format: "fp8",
  layers: 8,
  denseLayers: 1,
  hiddenSize: 2_048,
  intermediateSize: 6_144,
  experts: 64,
  expertSize: 1_024,
  heads: 16,
  queryRank: 768,
  keyValueRank: 512,
  nopeSize: 128,
  ropeSize: 64,
  valueSize: 128,
  vocabularySize: 4_096,
  routerScale: 1 / 32,
  config: { num_experts_per_tok: 8, bos_token_id: 3_840, eos_token_id: 3_841 },
};
const shardBytes = 500e6;
/** The checkpoint, and the largest output while it is made twice. */
const neededBytes = 12e9;

export interface LargeCheckpoint {
  readonly folder: string;
  readonly sizeBytes: number;
}

/**
 * A block-FP8 checkpoint with the demonstration model's tokenizer: a vocabulary of 4,096, since the
 * time that sampling takes would be out of proportion with K2's 163,840 on layers that are this small.
 */
export function largeCheckpoint(): LargeCheckpoint {
  const folder = join(cache, "checkpoint");
  mkdirSync(cache, { recursive: true });
  requireRoom();
  if (!existsSync(folder)) {
    const part = `${folder}.part`;
    rmSync(part, { recursive: true, force: true });
    console.error(`writing a checkpoint of 3 GB to ${folder} …`);
    writeLargeCheckpoint(part, model, shardBytes);
    for (const file of ["tiktoken.model", "tokenizer_config.json"])
      copyFileSync(join(root, "test", "fixtures", "nano", file), join(part, file));
    renameSync(part, folder);
  }
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
  return { folder, sizeBytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** The checkpoint in Q8_0, by our converter. */
export async function largeModel(): Promise<string> {
  const path = join(cache, "large-q8_0.gguf");
  if (existsSync(path)) return path;
  const { folder } = largeCheckpoint();
  console.error(`converting it to ${path} …`);
  await runNode([program, "models", "convert", folder, path, "--type", "q8_0"]);
  return path;
}

function requireRoom(): void {
  const { bavail, bsize } = statfsSync(cache);
  if (bavail * bsize >= neededBytes) return;
  throw new Error(
    `${cache} has ${(bavail * bsize) / 1e9} GB left, and ${neededBytes / 1e9} are needed`,
  );
}
