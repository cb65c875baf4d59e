import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openModelFile } from "../src/engine/local/model-file.ts";
import { chooseThreads } from "../src/engine/local/threads.ts";
import { largeModel, roundsOr, warnOfLoad } from "./large-model.ts";
import { builtBench, shippedBench } from "./llama-source.ts";
import { quartile, root, type Figure } from "./measure.ts";

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
 * threads: prompts of 512 tokens, replies of 64, each in a process of its own after a warm-up. It is built for
 * this processor, as anyone builds it, and once more on top of the libraries that the bindings bring: the first
 * ratio is what a user loses, the second what of it is ours and the bindings'.
 */
export async function llama(): Promise<Figure[]> {
  const [built, shipped] = [builtBench(), shippedBench()];
  const path = await largeModel();
  warnOfLoad();
  const { sizeBytes } = openModelFile(path);
  const asked = process.env["KIMI_BENCH_THREADS"];
  const threads = chooseThreads(sizeBytes, asked === undefined ? undefined : Number(asked));
  const cacheFolder = mkdtempSync(join(tmpdir(), "kimi-bench-"));
  const speeds = await inTurns({
    ours: () => ours(path, cacheFolder, threads),
    "llama-bench": () => reference(built, path, threads),
    ...(shipped === undefined
      ? {}
      : { "llama-bench, same libraries": () => reference(shipped, path, threads) }),
  });
  const [first, ...others] = speeds;
  const figures = (what: keyof Speed): Figure[] =>
    others.map(([name, speed]) => ({
      name: `local ${what} ÷ ${name}`,
      value: speed[what] / (first?.[1][what] ?? Number.NaN),
      unit: "×",
      goal: 0.97,
      atLeast: true,
      detail: `${rate(first?.[1][what])} ÷ ${rate(speed[what])} tokens/s, ${threads} threads`,
    }));
  return [...figures("prefill"), ...figures("decode")];
}

/** Of each the lower quartile of all rounds; who was last in one is first in the next. */
async function inTurns(
  all: Readonly<Record<string, () => Promise<Speed>>>,
): Promise<(readonly [string, Speed])[]> {
  const names = Object.keys(all);
  const speeds = new Map(names.map((name) => [name, [] as Speed[]]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const speed = await all[name]?.();
      if (!speed) continue;
      speeds.get(name)?.push(speed);
      console.error(
        `${name}: prefill ${rate(speed.prefill)}, decode ${rate(speed.decode)} tokens/s`,
      );
    }
  }
  return [...speeds].map(([name, list]) => [
    name,
    {
      prefill: quartile(list.map(({ prefill }) => prefill)),
      decode: quartile(list.map(({ decode }) => decode)),
    },
  ]);
}

async function ours(path: string, cacheFolder: string, threads: number): Promise<Speed> {
  const counts = [threads, promptTokens, generateTokens, repetitions].map(String);
  const script = join(root, "bench", "llama-child.ts");
  const { stdout } = await run(process.execPath, [script, path, cacheFolder, ...counts]);
  return JSON.parse(stdout) as Speed;
}

/** The engine's batches are of 512 tokens; flash attention, F16 KV and mmap are llama-bench's own choice too. */
async function reference(program: string, path: string, threads: number): Promise<Speed> {
  const counts = ["-p", promptTokens, "-n", generateTokens, "-r", repetitions, "-t", threads];
  const args = ["-m", path, ...counts.map(String), "-b", "512", "-ub", "512", "-o", "json"];
  const { stdout } = await run(program, args);
  const tests = JSON.parse(stdout) as {
    readonly n_prompt: number;
    readonly n_gen: number;
    readonly samples_ns: readonly number[];
  }[];
  const least = (isWanted: (test: (typeof tests)[number]) => boolean): number =>
    Math.min(...(tests.find(isWanted)?.samples_ns ?? [])) / 1e6;
  return {
    prefill: least(({ n_prompt }) => n_prompt > 0) / promptTokens,
    decode: least(({ n_gen }) => n_gen > 0) / generateTokens,
  };
}

function rate(millisecondsPerToken = Number.NaN): string {
  return (1_000 / millisecondsPerToken).toFixed(1);
}
