import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the value must not exceed, or reach where `atLeast`. */
  readonly goal?: number;
  readonly atLeast?: true;
  /** What the ratio is of, for a person. */
  readonly detail?: string;
}

export interface Run {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly maxRssMiB: number;
}

export const folder = mkdtempSync(join(tmpdir(), "kimi-bench-"));
export const root = join(import.meta.dirname, "..");
export const program = join(root, "bin", "kimi.js");

/** Settings and caches of its own; the compile cache stays where Node puts it. */
export const environment = {
  PATH: process.env["PATH"],
  HOME: folder,
  XDG_CONFIG_HOME: folder,
  XDG_DATA_HOME: folder,
  XDG_CACHE_HOME: folder,
};

/** Runs `node …args` once. With `usage` it is measured from inside, which costs it a millisecond. */
export function runNode(
  args: readonly string[],
  { usage = false, input }: { usage?: boolean; input?: string } = {},
): Promise<Run> {
  const report = join(folder, "usage.json");
  const preload = usage ? ["--require", join(root, "bench", "report-usage.cjs")] : [];
  const started = performance.now();
  const child = spawn(process.execPath, [...preload, ...args], {
    env: { ...environment, BENCH_USAGE: report },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "ignore"],
  });
  child.stdout?.resume();
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.on("close", (code) => {
      const wallMs = performance.now() - started;
      if (code !== 0) return reject(new Error(`${args.join(" ")} exited with ${code}`));
      const used = usage
        ? (JSON.parse(readFileSync(report, "utf8")) as Omit<Run, "wallMs">)
        : { cpuMs: 0, maxRssMiB: 0 };
      resolve({ wallMs, ...used });
    });
  });
}

/**
 * Runs two things in turn, each first every other time, and gives for each figure, of which less is
 * better, the lower quartile of either: noise of the machine only ever adds.
 */
export async function inTurn<T extends object>(
  runs: number,
  base: () => Promise<T>,
  ours: () => Promise<T>,
): Promise<{ readonly base: T; readonly ours: T; readonly ratio: T }> {
  const all: { readonly base: T[]; readonly ours: T[] } = { base: [], ours: [] };
  await base();
  await ours(); // the first of each warms caches
  for (let i = 0; i < runs; i++) {
    if (i % 2 === 0) all.base.push(await base());
    all.ours.push(await ours());
    if (i % 2 === 1) all.base.push(await base());
  }
  const keys = Object.keys(all.base[0] ?? {});
  const of = (list: readonly T[], key: string): number =>
    quartile(list.map((value) => (value as Record<string, number>)[key] ?? 0));
  const each = (pick: (key: string) => number): T =>
    Object.fromEntries(keys.map((key) => [key, pick(key)])) as T;
  return {
    base: each((key) => of(all.base, key)),
    ours: each((key) => of(all.ours, key)),
    ratio: each((key) => of(all.ours, key) / of(all.base, key)),
  };
}

export function quartile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 2] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
