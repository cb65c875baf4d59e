import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

interface ProcessToStart {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly signal: AbortSignal;
  readonly onStderr?: (text: string) => void;
}

export interface ProcessToStream extends ProcessToStart {
  /** Written to its standard input, which is then closed; without it, that is the null device. */
  readonly input?: string;
  /** Whether `command` is a command line for the system's shell. */
  readonly isShellCommand?: boolean;
  /** Instead of this program's own. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly onStdout?: (text: string) => void;
}

/** How a streamed process ended: either of the two is `null`. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly endedBy: NodeJS.Signals | null;
  /** Whether something that it left running still holds its output. */
  readonly isOutputHeld: boolean;
}

/** How long a program's output is waited for after its end: what it left running may hold the pipe open. */
const lastOutputMs = 200;

/**
 * Runs a program to its end and hands on what it prints as it comes; when aborted, ends it with
 * everything it has started. Rejects with the signal's reason, or with the error of a program that
 * can't be started.
 */
export function streamProcess(options: ProcessToStream): Promise<ProcessEnd> {
  const { signal, input } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    // A process group of its own, so that the whole tree can be ended.
    const child = spawn(options.command, options.arguments, {
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      detached: process.platform !== "win32",
      shell: options.isShellCommand ?? false,
      ...(options.environment ? { env: options.environment } : {}),
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => options.onStdout?.(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => options.onStderr?.(text));
    child.stdin?.on("error", () => {}); // a program need not read its input
    child.stdin?.end(input);
    const settle = (): void => {
      signal.removeEventListener("abort", stop);
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    const fail = (error: Error): void => {
      killTree(child);
      settle();
      reject(error);
    };
    const stop = (): void => fail(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    child.on("error", fail);
    const end = (isOutputHeld: boolean): void => {
      settle();
      resolve({ exitCode: child.exitCode, endedBy: child.signalCode, isOutputHeld });
    };
    // What has arrived meanwhile is read before the timer's immediate, also after a pause of ours.
    const endSoon = (): void => void setImmediate(() => end(true));
    child.on("exit", () => void setTimeout(endSoon, lastOutputMs).unref());
    child.on("close", () => end(false));
  });
}

export interface ProcessToRun extends ProcessToStart {
  /** Written to its standard input, which is then closed. */
  readonly input: string;
  /** Characters of standard output beyond which the program is stopped; the promise then rejects. */
  readonly maxOutput: number;
}

export interface ProcessOutcome {
  readonly stdout: string;
  /** The last 4,000 characters. */
  readonly stderr: string;
  /** `undefined` when a signal ended it. */
  readonly exitCode: number | undefined;
}

/** Runs a program to its end and collects what it prints; aborts and rejects as `streamProcess` does. */
export async function runProcess(options: ProcessToRun): Promise<ProcessOutcome> {
  const { onStderr, maxOutput, ...rest } = options;
  const tooMuch = new AbortController();
  let stdout = "";
  let stderr = "";
  const { exitCode } = await streamProcess({
    ...rest,
    signal: AbortSignal.any([options.signal, tooMuch.signal]),
    onStdout: (text) => {
      stdout += text;
      if (stdout.length > maxOutput)
        tooMuch.abort(new Error(`it printed more than ${maxOutput} characters`));
    },
    onStderr: (text) => {
      stderr = (stderr + text).slice(-4_000);
      onStderr?.(text);
    },
  });
  return { stdout, stderr, exitCode: exitCode ?? undefined };
}

function killTree(child: ChildProcess): void {
  if (child.pid === undefined) return;
  if (process.platform === "win32") {
    spawnSync("taskkill", ["/pid", String(child.pid), "/t", "/f"]);
    return;
  }
  // Some leave the group, `timeout` and `setsid` among them. Listed first: a parent's end breaks the tree.
  const descendants = descendantsOf(child.pid);
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL"); // it has no group any more
  }
  for (const pid of descendants) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      continue; // it has ended
    }
  }
}

function descendantsOf(ancestor: number): number[] {
  const children = Map.groupBy(processes(), ({ parent }) => parent);
  const found = [ancestor];
  for (const pid of found) found.push(...(children.get(pid) ?? []).map((child) => child.pid));
  return found.slice(1);
}

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
}

/** All processes: from Linux's `/proc`, since small containers have no `ps`. */
function processes(): ProcessEntry[] {
  if (process.platform !== "linux") {
    const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
    return (stdout ?? "").split("\n").map((line) => {
      const [pid = "", parent = ""] = line.trim().split(/\s+/);
      return { pid: Number(pid), parent: Number(parent) };
    });
  }
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name before these fields is in brackets and may hold any character.
      const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return [{ pid: Number(pid), parent: Number(parent) }];
    } catch {
      return []; // it has ended
    }
  });
}
