import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { PlanGpu } from "../checkpoint/plan-placement.ts";

const timeoutMs = 5_000;

/** This machine's GPUs, as `nvidia-smi` names them; none where there is no such program. */
export async function findGpus(): Promise<PlanGpu[]> {
  try {
    const { stdout } = await promisify(execFile)(
      "nvidia-smi",
      ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"],
      { timeout: timeoutMs },
    );
    return parseGpuList(stdout);
  } catch {
    return []; // not there, or no driver
  }
}

/** Lines of `NVIDIA H100 80GB HBM3, 81559`, in MiB. */
export function parseGpuList(text: string): PlanGpu[] {
  return text.split("\n").flatMap((line) => {
    const parts = /^(.+), (\d+)\s*$/.exec(line);
    return parts ? [{ name: parts[1] ?? "GPU", memoryBytes: Number(parts[2]) * 2 ** 20 }] : [];
  });
}
