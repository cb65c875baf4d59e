import { spawn, spawnSync, type ChildProcess } from "node:child_process";

export interface ProcessToRun {
  readonly command: string;
  readonly arguments: readonly string[];
  /** Written to its standard input, which is then closed. */
  readonly input: string;
  readonly signal: AbortSignal;
  readonly onStderr?: (text: string) => void;
  /** Characters of standard output beyond which the program is stopped; the promise then rejects. */
  readonly maxOutput: number;
}

/** How long a program's output is waited for after its end: what it left running may hold the pipe open. */
const lastOutputMs = 200;

export interface ProcessOutcome {
  readonly stdout: string;
  /** The last 4,000 characters. */
  readonly stderr: string;
  /** `undefined` when a signal ended it. */
  readonly exitCode: number | undefined;
}

/**
 * Runs a program to its end; when aborted, ends it with everything it has started.
 * Rejects with the signal's reason, or with the error of a program that can't be started.
 */
export function runProcess(options: ProcessToRun): Promise<ProcessOutcome> {
  const { command, input, signal, onStderr, maxOutput } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    // A process group of its own, so that the whole tree can be ended.
    const child = spawn(command, options.arguments, {
      stdio: "pipe",
      detached: process.platform !== "win32",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.length > maxOutput)
        fail(new Error(`it printed more than ${maxOutput} characters`));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-4_000);
      onStderr?.(text);
    });
    child.stdin.on("error", () => {}); // a program need not read its input
    child.stdin.end(input);
    const settle = (): void => {
      signal.removeEventListener("abort", stop);
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const fail = (error: Error): void => {
      killTree(child);
      settle();
      reject(error);
    };
    const stop = (): void => fail(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    child.on("error", fail);
    const end = (code: number | null): void => {
      settle();
      resolve({ stdout, stderr, exitCode: code ?? undefined });
    };
    child.on("exit", (code) => void setTimeout(() => end(code), lastOutputMs).unref());
    child.on("close", end);
  });
}

function killTree(child: ChildProcess): void {
  if (child.pid === undefined) return;
  if (process.platform === "win32") {
    spawnSync("taskkill", ["/pid", String(child.pid), "/t", "/f"]);
    return;
  }
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL"); // it has no group any more
  }
}
