import { KimiError, messageOf } from "../errors.ts";
import { runProcess, type ProcessOutcome } from "./process-tree.ts";
import { checkTool } from "./check-tool.ts";
import type { Tool, ToolContext, ToolResult } from "./tool.ts";

const schemaTimeoutMs = 10_000;

/** Characters; more than any model takes in. */
const maxOutput = 1 << 20;

/**
 * A tool from any program: `PROGRAM --schema` prints `{name, description, parameters, effect?,
 * timeout_seconds?}` as JSON; a call gets its arguments as JSON on standard input and answers on
 * standard output. A non-zero exit code makes the answer an error.
 * @throws KimiError naming the program and what is wrong; the signal's reason.
 */
export async function openExecutable(path: string, signal: AbortSignal): Promise<Tool> {
  const description = await describe(path, signal);
  const { timeout_seconds: seconds, ...rest } = description;
  const tool: Record<string, unknown> = {
    effect: "execute",
    ...rest,
    ...(seconds === undefined ? {} : { timeoutMs: Number(seconds) * 1000 }),
    prepare: (input: unknown) => ({
      summary: `${String(description["name"])} ${JSON.stringify(input)}`,
      start: (context: ToolContext) => call(path, JSON.stringify(input), context),
    }),
  };
  return checkTool(tool, path);
}

async function describe(path: string, runSignal: AbortSignal): Promise<Record<string, unknown>> {
  const timeout = AbortSignal.timeout(schemaTimeoutMs);
  const signal = AbortSignal.any([timeout, runSignal]);
  let outcome: ProcessOutcome;
  try {
    outcome = await runProcess({
      command: path,
      arguments: ["--schema"],
      input: "",
      signal,
      maxOutput,
    });
  } catch (cause) {
    runSignal.throwIfAborted();
    throw badExecutable(
      path,
      timeout.aborted
        ? `did not answer --schema within ${schemaTimeoutMs / 1000} s`
        : reasonOf(cause),
    );
  }
  if (outcome.exitCode !== 0) throw badExecutable(path, `--schema failed: ${lastLine(outcome)}`);
  try {
    const value = JSON.parse(outcome.stdout) as Record<string, unknown> | null;
    if (typeof value !== "object" || value === null) throw new Error("it is no object");
    return value;
  } catch (cause) {
    throw badExecutable(path, `--schema did not print JSON: ${messageOf(cause)}`);
  }
}

function reasonOf(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "does not exist, or the program in its first line does not";
  if (code === "EACCES") return "is not executable (chmod +x makes it so)";
  return `can't be started: ${messageOf(cause)}`;
}

function badExecutable(path: string, what: string): KimiError {
  return new KimiError(`the tool ${path} ${what}`, {
    code: "bad-tool",
    hint: "A tool is a name that kimi tools lists, a .ts, .js or .mjs module, or a program that answers --schema.",
  });
}

async function call(
  path: string,
  input: string,
  { signal, report }: ToolContext,
): Promise<ToolResult> {
  const outcome = await runProcess({
    command: path,
    arguments: [],
    input,
    signal,
    onStderr: report,
    maxOutput,
  });
  const output = outcome.stdout.trimEnd();
  if (outcome.exitCode === 0) return { output };
  if (output !== "") return { output, isError: true };
  throw new Error(`${path} failed: ${lastLine(outcome)}`);
}

function lastLine({ stderr, exitCode }: ProcessOutcome): string {
  const line = stderr.trim().split("\n").at(-1);
  return line || (exitCode === undefined ? "killed by a signal" : `exit code ${exitCode}`);
}
