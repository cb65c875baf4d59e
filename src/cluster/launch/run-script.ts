import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { exitCodes, KimiError } from "../../errors.ts";
import type { HostConnection } from "./host-connection.ts";

export interface ScriptOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of the whole run. */
  readonly timeoutMs: number;
}

/** A script that goes on, while what it prints is read. */
export interface RunningScript {
  /** Resolves with its exit status; rejects when the host can't be reached any more. */
  readonly ended: Promise<number>;
  /** Closes its standard input, which asks it to end. */
  close(): void;
}

/**
 * Runs a POSIX shell script on a host and gives what it prints.
 * @throws KimiError of a host that can't be reached or a script that fails; `signal.reason`.
 */
export async function runScript(
  host: HostConnection,
  script: string,
  { signal, timeoutMs }: ScriptOptions,
): Promise<string> {
  signal?.throwIfAborted();
  let stdout = "";
  const { child, stderr } = start(host, script, (text) => (stdout += text));
  child.stdin?.end();
  const stop = (): boolean => child.kill("SIGKILL");
  let isTooSlow = false;
  const timer = setTimeout(() => (isTooSlow = stop()), timeoutMs);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const status = await endOf(child, host, stderr);
    if (status === 0) return stdout;
    throw scriptFailed(host, stderr() || stdout || `exit status ${status}`);
  } catch (thrown) {
    signal?.throwIfAborted();
    if (isTooSlow)
      throw unreachable(host, `it said nothing for ${Math.round(timeoutMs / 1_000)} s`);
    throw thrown;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** Starts a script that ends by itself, or when its standard input is closed. */
export function followScript(
  host: HostConnection,
  script: string,
  onOutput: (bytes: Buffer) => void,
): RunningScript {
  const { child, stderr } = start(host, script, onOutput);
  return { ended: endOf(child, host, stderr), close: () => child.stdin?.end() };
}

interface Started {
  readonly child: ChildProcess;
  /** The last 4,000 characters of what it complained. */
  readonly stderr: () => string;
}

function start(host: HostConnection, script: string, onOutput: (bytes: Buffer) => void): Started {
  const [command = "sh", ...args] = host.argv;
  // A session of its own: Ctrl-C is for this program, which then stops things in order.
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  let stderr = "";
  const mark = `kimi-begins-${randomUUID()}`;
  child.stdout.on("data", afterMark(`${mark}\n`, onOutput));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-4_000);
  });
  child.stdin.on("error", () => {}); // how it ended says more
  // As one command: of a script that arrives in part nothing is run.
  child.stdin.write(`{\necho ${mark}\n${script}\n}\n`);
  return { child, stderr: () => stderr };
}

/** Leaves out what is printed before: many a login greets. */
function afterMark(mark: string, onOutput: (bytes: Buffer) => void): (bytes: Buffer) => void {
  let before: Buffer | undefined = Buffer.alloc(0);
  return (bytes) => {
    if (before === undefined) return onOutput(bytes);
    before = Buffer.concat([before, bytes]);
    const at = before.indexOf(mark);
    if (at < 0) return;
    const rest = before.subarray(at + mark.length);
    before = undefined;
    if (rest.length > 0) onOutput(rest);
  };
}

/** What ssh exits with when it is ssh that failed. */
const sshFailed = 255;

function endOf(child: ChildProcess, host: HostConnection, stderr: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on("error", (cause: NodeJS.ErrnoException) => {
      const { argv } = host;
      const reason =
        cause.code === "ENOENT" ? `there is no program ${argv[0]} here` : cause.message;
      reject(unreachable(host, reason));
    });
    child.on("close", (code) => {
      if (host.ssh !== undefined && (code === sshFailed || code === null))
        reject(unreachable(host, lastLine(stderr()) || "the connection broke"));
      else resolve(code ?? -1);
    });
  });
}

/** The reason is told apart by ssh's own words. */
function unreachable(host: HostConnection, said: string): KimiError {
  const reason = said.replace(/^ssh: |^kex_exchange_identification: /, "");
  const attempt = host.ssh ?? "sh";
  const name = `host ${host.name}`;
  if (/permission denied/i.test(said)) {
    return new KimiError(`${name} refuses the login: ${reason}`, {
      code: "unreachable",
      hint: `Let your key in, until \`${attempt} true\` works without asking: ssh-copy-id does it.`,
    });
  }
  if (/host key verification|identification has changed/i.test(said)) {
    return new KimiError(`the key of ${name} is not known: ${reason}`, {
      code: "unreachable",
      hint: `Log in once by hand with \`${attempt}\`, and accept its key.`,
    });
  }
  return new KimiError(`${name} does not answer: ${reason}`, {
    code: "unreachable",
    exitCode: exitCodes.tryAgain,
    retryable: true,
    hint: `\`${attempt} true\` must work without asking: check the address, the port and that it is up.`,
  });
}

function scriptFailed(host: HostConnection, said: string): KimiError {
  return new KimiError(`host ${host.name}: ${lastLine(said)}`, {
    code: "host-failed",
    hint: `Look at the disk and the rights there${host.ssh === undefined ? "" : `: ${host.ssh}`}.`,
  });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}
