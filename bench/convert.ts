import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import {
  cache,
  largeCheckpoint,
  roundsOr,
  warnOfLoad,
  type LargeCheckpoint,
} from "./large-model.ts";
import { llamaSource } from "./llama-source.ts";
import { program, root, runNode, type Figure } from "./measure.ts";

/** All take some ten minutes; `KIMI_BENCH_TYPES=q8_0,q6_k` takes these only. */
const types = process.env["KIMI_BENCH_TYPES"]?.split(",") ?? ["q8_0", "bf16", "q4_0", "q6_k"];
/** Those that convert_hf_to_gguf.py can write too. */
const referenceTypes: ReadonlySet<string> = new Set(["q8_0", "bf16"]);
const rounds = roundsOr(3);
const output = join(cache, "converted");

/** Seconds, the least of all rounds: noise only ever adds. */
interface Seconds {
  copy: number;
  /** Until it is on the disk. */
  copySynced: number;
  ours: number;
  reference: number;
}

/**
 * `kimi models convert` of a checkpoint of 3 GB against `cp` of its bytes and llama.cpp's converter, in turn. The
 * checkpoint is in the page cache and no written page waits for the disk whenever one begins. Ours ends when its
 * output is on the disk, so it is compared with a `cp` that is synced; the reference's may still be in memory.
 */
export async function convert(): Promise<Figure[]> {
  const checkpoint = largeCheckpoint();
  warnOfLoad();
  const python = process.env["KIMI_BENCH_PYTHON"];
  if (python === undefined) console.error(howToInstall());
  const figures: Figure[] = [];
  for (const type of types) {
    const hasReference = python !== undefined && referenceTypes.has(type);
    figures.push(...(await measure(checkpoint, type, hasReference ? python : undefined)));
  }
  return figures;
}

async function measure(
  { folder, sizeBytes }: LargeCheckpoint,
  type: string,
  python: string | undefined,
): Promise<Figure[]> {
  const target = join(output, "model.gguf");
  const infinite = Number.POSITIVE_INFINITY;
  const least: Seconds = {
    copy: infinite,
    copySynced: infinite,
    ours: infinite,
    reference: infinite,
  };
  const note = (what: keyof Seconds, seconds: number): void => {
    least[what] = Math.min(least[what], seconds);
    console.error(`convert ${type}: ${what} ${seconds.toFixed(1)} s`);
  };
  let maxRssMiB = 0;
  for (let round = 0; round < rounds; round++) {
    await settle(folder);
    const copied = await copy(folder);
    note("copy", copied.seconds);
    note("copySynced", copied.syncedSeconds);
    await settle(folder);
    const args = [program, "models", "convert", folder, target, "--type", type];
    const run = await runNode(args, { usage: true });
    note("ours", run.wallMs / 1_000);
    console.error(`convert ${type}: ours ${run.maxRssMiB.toFixed(0)} MiB`);
    maxRssMiB = Math.max(maxRssMiB, run.maxRssMiB);
    if (python === undefined) continue;
    await settle(folder);
    const script = join(root, "bench", "reference-convert.py");
    const options = ["--outfile", target, "--outtype", type];
    note("reference", await runFor(python, [script, llamaSource(), folder, ...options]));
  }
  rmSync(output, { recursive: true });
  const rate = (seconds: number): string => (sizeBytes / 1e9 / seconds).toFixed(2);
  const figures: Figure[] = [
    {
      name: `convert to ${type} ÷ synced cp`,
      value: least.copySynced / least.ours,
      unit: "×",
      detail: `${rate(least.ours)} ÷ ${rate(least.copySynced)} GB/s; cp alone ${rate(least.copy)}`,
    },
    { name: `convert to ${type}: peak RSS`, value: maxRssMiB, unit: "MiB", goal: 2e9 / 2 ** 20 },
  ];
  if (python === undefined) return figures;
  figures.push({
    name: `convert to ${type} ÷ convert_hf_to_gguf.py`,
    value: least.reference / least.ours,
    unit: "×",
    goal: 5,
    atLeast: true,
    detail: `${rate(least.ours)} ÷ ${rate(least.reference)} GB/s`,
  });
  return figures;
}

/** Removes what the last run wrote, waits for the disk, and reads the checkpoint. */
async function settle(folder: string): Promise<void> {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output);
  execFileSync("sync");
  for (const name of readdirSync(folder))
    await finished(createReadStream(join(folder, name), { highWaterMark: 4 << 20 }).resume());
}

async function copy(folder: string): Promise<{ seconds: number; syncedSeconds: number }> {
  const names = readdirSync(folder);
  const from = names.map((name) => join(folder, name));
  const seconds = await runFor("cp", ["--reflink=never", ...from, output]);
  const to = names.map((name) => join(output, name));
  return { seconds, syncedSeconds: seconds + (await runFor("sync", to)) };
}

/** @returns seconds */
async function runFor(command: string, args: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr
    .setEncoding("utf8")
    .on("data", (text: string) => (complaint = complaint.slice(-4_000) + text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${command} exited with ${code}: ${complaint}`);
  return (performance.now() - started) / 1_000;
}

function howToInstall(): string {
  return [
    "Without KIMI_BENCH_PYTHON there is no comparison with convert_hf_to_gguf.py. To have it:",
    "  python3 -m venv VENV && VENV/bin/pip install torch transformers numpy safetensors sentencepiece pyyaml requests tqdm",
    "  KIMI_BENCH_PYTHON=VENV/bin/python npm run bench -- convert",
  ].join("\n");
}
