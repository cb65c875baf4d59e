import { statSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import type { ToolResult } from "../../../src/agent/tool.ts";
import { runCommand, runCommandTool } from "../../../tools/run-command.ts";
import { isRunning } from "../../support/processes.ts";
import { call, removeSpilledAfterAll, temporaryWorkspace } from "./temporary-workspace.ts";

removeSpilledAfterAll();

afterEach(() => vi.unstubAllEnvs());

interface Outcome {
  readonly exit_code?: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly note?: string;
  readonly error?: string;
}

const outcome = ({ output }: ToolResult): Outcome => JSON.parse(output) as Outcome;
const run = async (command: string): Promise<Outcome> =>
  outcome(await call(runCommand, { command }));

/** Collects what is reported, and waits for something in it. */
function reports() {
  const state = { text: "", report: (text: string) => void (state.text += text) };
  const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
    await expect.poll(() => state.text, { timeout: 10_000 }).toMatch(pattern);
    return pattern.exec(state.text) as RegExpExecArray;
  };
  return { ...state, until, report: state.report };
}

test("a command's output and exit code come in the form that the demonstration model knows", async () => {
  const { output, isError } = await call(runCommand, { command: "echo one; echo two >&2" });
  expect(output).toBe('{"exit_code": 0, "stdout": "one\\n", "stderr": "two\\n"}');
  expect(isError).toBe(false);
});

test("it runs in the workspace, in a shell", async () => {
  const root = temporaryWorkspace({ "a b.txt": "x" });
  expect(await run("pwd && ls | wc -l && cat 'a b.txt'")).toMatchObject({
    stdout: expect.stringMatching(new RegExp(`^${root}\n\\s*1\nx$`)) as string,
  });
});

test("a command that fails is a result, marked as an error", async () => {
  const failed = await call(runCommand, { command: "echo no >&2; exit 3" });
  expect(failed.isError).toBe(true);
  expect(failed.display).toEqual({ type: "text", text: "no\nexit code 3" });
  expect(outcome(failed)).toEqual({ exit_code: 3, stdout: "", stderr: "no\n" });
  expect((await run("no-such-program-xyz")).exit_code).toBe(127);
  expect((await run("if then")).exit_code).toBe(2);
});

test("a command that a signal ends has the exit code that shells give it", async () => {
  expect(await run("kill -SEGV $$")).toMatchObject({ exit_code: 139, note: "ended by SIGSEGV" });
});

test("there is nothing to read and nobody to ask", async () => {
  expect(await run("cat; read line || echo none")).toMatchObject({ stdout: "none\n" });
  expect((await run("echo $TERM $NO_COLOR $PAGER $GIT_PAGER $GIT_TERMINAL_PROMPT")).stdout).toBe(
    "dumb 1 cat cat 0\n",
  );
});

test("secrets are not handed on, and everything else is", async () => {
  const secrets = [
    "KIMI_API_KEY",
    "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "db_password",
    "TOKEN",
    "MYSQL_PASSWD",
    "GOOGLE_CREDENTIALS",
    "A_CREDENTIAL",
  ];
  for (const name of secrets) vi.stubEnv(name, "secret-value");
  vi.stubEnv("KEYBOARD", "kept-value");
  vi.stubEnv("MONKEY_ISLAND", "kept-too");
  const { stdout } = await run("env");
  expect(stdout).not.toContain("secret-value");
  expect(stdout).toContain("KEYBOARD=kept-value");
  expect(stdout).toContain("MONKEY_ISLAND=kept-too");
  expect(stdout).toContain("PATH=");
});

test("output is reported as it comes", async () => {
  temporaryWorkspace();
  const seen = reports();
  const command = "echo first; while [ ! -e go ]; do sleep 0.02; done; echo last >&2";
  const result = call(runCommand, { command }, { report: seen.report });
  await seen.until(/first\n/);
  await call(runCommand, { command: "touch go" });
  expect(outcome(await result)).toMatchObject({ stdout: "first\n", stderr: "last\n" });
  await seen.until(/first\nlast\n$/);
});

test("characters that come in two parts are whole", async () => {
  expect((await run(String.raw`printf '\303'; sleep 0.1; printf '\251\377'`)).stdout).toBe(
    "é\uFFFD",
  );
});

test("a command that runs too long is stopped with all that it started, and what it printed is kept", async () => {
  const tool = runCommandTool({ wallMs: 1_000, silenceMs: 60_000 });
  const command = "sleep 1000 & echo $!; (sleep 1000 & echo $!; wait); wait";
  const result = await call(tool, { command });
  expect(result.isError).toBe(true);
  const { error, stdout } = outcome(result);
  expect(error).toBe("stopped: it ran for 1 s; give timeout_seconds if it needs longer");
  const pids = stdout.trim().split("\n").map(Number);
  expect(pids).toHaveLength(2);
  for (const pid of pids) await expect.poll(() => isRunning(pid)).toBe(false);
});

test("what left the process group is stopped too", async () => {
  const tool = runCommandTool({ wallMs: 1_000, silenceMs: 60_000 });
  const command = "timeout 1000 sh -c 'echo $$; sleep 1000; true'; true";
  const { stdout } = outcome(await call(tool, { command }));
  expect(stdout).toMatch(/^\d+\n$/);
  await expect.poll(() => isRunning(Number(stdout))).toBe(false);
});

test("a command that is silent too long is stopped", async () => {
  const tool = runCommandTool({ wallMs: 60_000, silenceMs: 1_000 });
  const result = await call(tool, { command: "echo waiting; sleep 1000" });
  expect(outcome(result)).toEqual({
    error: "stopped: it printed nothing for 1 s; give timeout_seconds if it needs longer",
    stdout: "waiting\n",
    stderr: "",
  });
});

test("a command that keeps printing is not silent, and a given time is also one for silence", async () => {
  const patient = runCommandTool({ wallMs: 60_000, silenceMs: 3_000 });
  const printing = "for i in 1 2 3 4 5 6 7 8; do sleep 0.5; echo $i >&2; done";
  expect(outcome(await call(patient, { command: printing }))).toMatchObject({ exit_code: 0 });
  const tool = runCommandTool({ wallMs: 60_000, silenceMs: 1_000 });
  const silent = { command: "sleep 1.5; echo done", timeout_seconds: 30 };
  expect(outcome(await call(tool, silent))).toMatchObject({ stdout: "done\n" });
});

test("a given time is a limit", async () => {
  const result = await call(runCommand, { command: "sleep 1000", timeout_seconds: 1 });
  expect(outcome(result).error).toContain("it ran for 1 s");
});

test("an interruption stops the command, and what it printed is kept", async () => {
  const controller = new AbortController();
  const seen = reports();
  const result = call(
    runCommand,
    { command: "sleep 1000 & echo pid $!; wait" },
    { signal: controller.signal, report: seen.report },
  );
  const [, pid] = await seen.until(/pid (\d+)\n/);
  controller.abort(new Error("interrupted"));
  expect(outcome(await result)).toEqual({
    error: "stopped: interrupted",
    stdout: `pid ${pid}\n`,
    stderr: "",
  });
  await expect.poll(() => isRunning(Number(pid))).toBe(false);
});

test("an interruption before the start starts nothing", async () => {
  temporaryWorkspace();
  const signal = AbortSignal.abort(new Error("interrupted"));
  const result = await call(runCommand, { command: "touch made" }, { signal });
  expect(outcome(result).error).toBe("stopped: interrupted");
  expect((await run("ls")).stdout).toBe("");
});

test("what a command leaves running does not hold the call, and is told", async () => {
  const { stdout, exit_code: code, note } = await run("sleep 1000 & echo $!");
  expect(code).toBe(0);
  expect(note).toBe("something it started still runs; its output is lost from here");
  expect(isRunning(Number(stdout))).toBe(true);
  process.kill(Number(stdout), "SIGKILL");
});

test("what a command leaves running without its output is not waited for and not told", async () => {
  const { stdout, note } = await run("sleep 1000 >/dev/null 2>&1 & echo $!");
  expect(note).toBeUndefined();
  process.kill(Number(stdout), "SIGKILL");
});

test("much output is shown by its ends and kept in a file, without being held in memory", async () => {
  const before = process.memoryUsage.rss();
  let reported = 0;
  const result = await call(
    runCommand,
    { command: "yes 0123456789 | head -c 300000000; echo end; echo error >&2" },
    { report: (text) => void (reported += text.length) },
  );
  const { stdout, stderr, exit_code: code } = outcome(result);
  expect(code).toBe(0);
  expect(stdout.length).toBeLessThan(30_000);
  expect(stdout).toMatch(/^0123456789\n/);
  expect(stdout.slice(-18)).toBe("0123456789\n012end\n");
  expect(stdout).toMatch(/\[299,98\d,\d{3} characters left out; the first 64 MiB are in /);
  expect(stderr).toBe("error\n");
  const path = / are in (\/.*)\]/.exec(stdout)?.[1] ?? "";
  expect(statSync(path).size).toBeLessThanOrEqual(64 << 20);
  expect(reported).toBeLessThan(2 << 20);
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 << 20);
});

test("the summary is a short first line, the subject all of it", () => {
  const command = `echo ${"x".repeat(200)}`;
  expect(runCommand.prepare({ command })).toMatchObject({ subject: command });
  expect(runCommand.prepare({ command }).summary).toHaveLength(81);
  expect(runCommand.prepare({ command: "ls -l\n" }).summary).toBe("ls -l");
  expect(runCommand.prepare({ command: "ls\nrm x" }).summary).toBe("ls…");
});

test("commands and times that make no sense are refused", () => {
  expect(() => runCommand.prepare({ command: " \n" })).toThrow("the command is empty");
  expect(() => runCommand.prepare({ command: "a\0b" })).toThrow("null character");
  for (const seconds of [0, -1, 3_601])
    expect(() => runCommand.prepare({ command: "ls", timeout_seconds: seconds })).toThrow(
      "1 to 3600",
    );
  expect(runCommand.timeoutMs).toBeGreaterThan(3_600_000);
});
