import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openModelFile } from "../src/engine/local/model-file.ts";
import { chooseThreads } from "../src/engine/local/threads.ts";
import { largeModel, roundsOr, warnOfLoad } from "./large-model.ts";
import { llamaBench } from "./llama-source.ts";
import { inTurn, root, type Figure } from "./measure.ts";

const promptTokens = 512;
const generateTokens = 64;
const repetitions = 2;
const rounds = roundsOr(7);
const run = promisify(execFile);

/** Milliseconds a token. */
export interface Speed {
  prefill: number;
  decode: number;
}

/**
 * The local engine, through to its events, against llama.cpp's own llama-bench on the same file with as many
 * threads: prompts of 512 tokens, replies of 64, each measured in a process of its own after a warm-up.
 */
export async function llama(): Promise<Figure[]> {
  const program = llamaBench();
  const path = await largeModel();
  warnOfLoad();
  const asked = process.env["KIMI_BENCH_THREADS"];
  const { sizeBytes } = openModelFile(path);
  const threads = chooseThreads(sizeBytes, asked === undefined ? undefined : Number(asked));
  const cacheFolder = mkdtempSync(join(tmpdir(), "kimi-bench-"));
  const speeds = await inTurn(
    rounds,
    () => reference(program, path, threads),
    () => ours(path, cacheFolder, threads),
  );
  const figure = (what: keyof Speed): Figure => ({
    name: `local ${what} ÷ llama-bench`,
    value: 1 / speeds.ratio[what],
    unit: "×",
    goal: 0.97,
    atLeast: true,
    detail: `${rate(speeds.ours[what])} ÷ ${rate(speeds.base[what])} tokens/s, ${threads} threads`,
  });
  return [figure("prefill"), figure("decode")];
}

async function ours(path: string, cacheFolder: string, threads: number): Promise<Speed> {
  const counts = [threads, promptTokens, generateTokens, repetitions].map(String);
  const script = join(root, "bench", "llama-child.ts");
  const { stdout } = await run(process.execPath, [script, path, cacheFolder, ...counts]);
  return noted("ours", JSON.parse(stdout) as Speed);
}

/** The engine's batches are of 512 tokens; flash attention, F16 KV and mmap are llama-bench's own choice too. */
async function reference(program: string, path: string, threads: number): Promise<Speed> {
  const counts = ["-p", promptTokens, "-n", generateTokens, "-r", repetitions, "-t", threads];
  const args = ["-m", path, ...counts.map(String), "-b", "512", "-ub", "512", "-o", "json"];
  const { stdout } = await run(program, args);
  const tests = JSON.parse(stdout) as {
    n_prompt: number;
    n_gen: number;
    samples_ns: number[];
  }[];
  const least = (isWanted: (test: (typeof tests)[number]) => boolean): number =>
    Math.min(...(tests.find(isWanted)?.samples_ns ?? [])) / 1e6;
  return noted("llama-bench", {
    prefill: least(({ n_prompt }) => n_prompt > 0) / promptTokens,
    decode: least(({ n_gen }) => n_gen > 0) / generateTokens,
  });
}

function noted(who: string, speed: Speed): Speed {
  const rates = `prefill ${rate(speed.prefill)}, decode ${rate(speed.decode)} tokens/s`;
  console.error(`${who.padEnd(11)} ${rates}`);
  return speed;
}

function rate(millisecondsPerToken: number): string {
  return (1_000 / millisecondsPerToken).toFixed(1);
}
