import { availableParallelism } from "node:os";
import { readFileSync } from "node:fs";

/** Below this size the threads of a pool wait for each other longer than they compute. */
const tinyModelBytes = 64 << 20;

/**
 * Threads for a model, or the number asked for. Never more than the cores this process may use: with
 * one thread too many, llama.cpp's spinning threads take turns on a core and decoding becomes hundreds
 * of times slower.
 */
export function chooseThreads(modelBytes: number, asked?: number): number {
  const cores = availableParallelism();
  if (asked !== undefined) return Math.min(asked, cores);
  return modelBytes < tinyModelBytes ? 1 : Math.min(cores, physicalCores());
}

/** Two hardware threads of a core share its arithmetic units, so the second only gets in the way. */
function physicalCores(): number {
  try {
    const cpus = readFileSync("/proc/cpuinfo", "utf8").split("\n\n");
    const cores = cpus.map((cpu) => {
      const field = (name: string): string =>
        new RegExp(`^${name}\\s*:(.*)$`, "m").exec(cpu)?.[1] ?? "";
      return cpu.trim() === "" ? "" : `${field("physical id")}/${field("core id")}`;
    });
    const distinct = new Set(cores.filter((core) => core !== "" && core !== "/"));
    return distinct.size || Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
