import { constants } from "node:os";
import { streamProcess, type ProcessEnd } from "../src/agent/process-tree.ts";
import { jsonOutput, type Tool, type ToolContext, type ToolResult } from "../src/agent/tool.ts";
import { commandEnvironment } from "./files/command-environment.ts";
import { oneLine } from "./files/one-line.ts";
import { SpillingText } from "./files/spill.ts";

export interface CommandLimits {
  /** For the whole command. */
  readonly wallMs: number;
  /** Without any output, which tells a command that waits for input from one that works. */
  readonly silenceMs: number;
}

const mostSeconds = 3_600;

/** Characters of output that the person sees of one command; the model gets the two ends of it. */
const mostReported = 1 << 20;

export const runCommand: Tool = runCommandTool({ wallMs: 120_000, silenceMs: 60_000 });

/**
 * Runs a command line in the system's shell and the workspace, without input and without this program's
 * secrets. A command that fails is a result like any other; one that was stopped is an error, with what
 * it had printed.
 */
export function runCommandTool(defaults: CommandLimits): Tool {
  return {
    name: "run_command",
    description: "Run a shell command.",
    parameters: {
      type: "object",
      properties: {
        command: { type: "string", description: "Command line" },
        timeout_seconds: { type: "integer", description: "Time limit" },
      },
      required: ["command"],
    },
    effect: "execute",
    timeoutMs: (mostSeconds + 100) * 1000, // the limits below come first
    prepare(input) {
      const { command, timeout_seconds: seconds } = input as CommandInput;
      if (command.trim() === "") throw new Error("the command is empty");
      if (command.includes("\0")) throw new Error("the command holds a null character");
      if (seconds !== undefined && (seconds < 1 || seconds > mostSeconds))
        throw new Error(`timeout_seconds is from 1 to ${mostSeconds}`);
      const wallMs = seconds === undefined ? defaults.wallMs : seconds * 1000;
      const silenceMs =
        seconds === undefined ? defaults.silenceMs : Math.max(defaults.silenceMs, wallMs);
      return {
        summary: oneLine(command),
        subject: command,
        start: (context) => execute(command, { wallMs, silenceMs }, context),
      };
    },
  };
}

interface CommandInput {
  readonly command: string;
  readonly timeout_seconds?: number;
}

async function execute(
  command: string,
  limits: CommandLimits,
  { signal, report }: ToolContext,
): Promise<ToolResult> {
  const output = { stdout: new SpillingText(), stderr: new SpillingText() };
  const show = limitedReport(report);
  const watch = new Watch(limits);
  const take = (stream: keyof typeof output, text: string): void => {
    watch.notice();
    output[stream].add(text);
    show(text);
  };
  const stop = AbortSignal.any([signal, watch.signal]);
  try {
    const end = await streamProcess({
      command,
      arguments: [],
      isShellCommand: true,
      environment: commandEnvironment(process.env),
      signal: stop,
      onStdout: (text) => take("stdout", text),
      onStderr: (text) => take("stderr", text),
    });
    const said = textOf(output);
    const exitCode = exitCodeOf(end);
    const note = noteOf(end);
    return {
      ...jsonOutput({ exit_code: exitCode, ...said, note }),
      display: display(said, [exitCode === 0 ? undefined : `exit code ${exitCode}`, note]),
      isError: exitCode !== 0,
    };
  } catch (cause) {
    if (!stop.aborted) throw new Error("the shell can't be started", { cause });
    const error = `stopped: ${(stop.reason as Error).message}`;
    const said = textOf(output);
    return {
      ...jsonOutput({ error, ...said }),
      display: display(said, [error]),
      isError: true,
    };
  } finally {
    watch.end();
  }
}

interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** What the person sees: what was printed, and what is to be said of it. */
function display(
  { stdout, stderr }: Printed,
  remarks: readonly (string | undefined)[],
): { readonly type: "text"; readonly text: string } {
  const parts = [stdout.trimEnd(), stderr.trimEnd(), ...remarks];
  return {
    type: "text",
    text: parts.filter((part) => part !== "" && part !== undefined).join("\n"),
  };
}

function textOf(output: { readonly stdout: SpillingText; readonly stderr: SpillingText }): Printed {
  return { stdout: output.stdout.end(), stderr: output.stderr.end() };
}

/** As shells say it: 128 and the signal's number for a command that a signal ended. */
function exitCodeOf({ exitCode, endedBy }: ProcessEnd): number | undefined {
  return exitCode ?? (endedBy === null ? undefined : 128 + constants.signals[endedBy]);
}

function noteOf({ endedBy, isOutputHeld }: ProcessEnd): string | undefined {
  if (endedBy !== null) return `ended by ${endedBy}`;
  return isOutputHeld ? "something it started still runs; its output is lost from here" : undefined;
}

/** Aborts a command that takes, or is silent, too long. */
class Watch {
  readonly #controller = new AbortController();
  readonly #wall: NodeJS.Timeout;
  readonly #silence: NodeJS.Timeout;

  constructor({ wallMs, silenceMs }: CommandLimits) {
    const hint = "give timeout_seconds if it needs longer";
    const after = (milliseconds: number, what: string): NodeJS.Timeout =>
      setTimeout(() => {
        this.#controller.abort(new Error(`${what} ${milliseconds / 1000} s; ${hint}`));
      }, milliseconds);
    this.#wall = after(wallMs, "it ran for");
    this.#silence = after(silenceMs, "it printed nothing for");
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  notice(): void {
    this.#silence.refresh();
  }

  end(): void {
    clearTimeout(this.#wall);
    clearTimeout(this.#silence);
  }
}

/** A gigabyte on the screen helps nobody. */
function limitedReport(report: (text: string) => void): (text: string) => void {
  let rest = mostReported;
  return (text) => {
    if (rest <= 0) return;
    rest -= text.length;
    report(rest > 0 ? text : `${text}\n[more output is not shown]\n`);
  };
}
