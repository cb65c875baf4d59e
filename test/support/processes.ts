import { readdirSync, readFileSync } from "node:fs";

/** Whether a process runs; one that has ended and that nobody has asked for yet does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** CPU time of all threads of a process so far, on Linux. */
export function cpuMs(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(folder).map((thread) =>
    Number.parseInt(readFileSync(`${folder}/${thread}/schedstat`, "utf8"), 10),
  );
  return nanoseconds.reduce((sum, value) => sum + value, 0) / 1e6;
}
