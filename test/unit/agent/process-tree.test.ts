import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runProcess, streamProcess } from "../../../src/agent/process-tree.ts";

const { signal } = new AbortController();

const run = (script: string, input = "") =>
  runProcess({ command: "sh", arguments: ["-c", script], input, signal, maxOutput: 1_000 });

test("a program gets its input and gives its output and exit code", async () => {
  expect(await run("cat; echo no >&2; exit 3", "text")).toEqual({
    stdout: "text",
    stderr: "no\n",
    exitCode: 3,
  });
});

test("a program that a signal ends has no exit code", async () => {
  expect(await run("kill -KILL $$")).toMatchObject({ exitCode: undefined });
});

test("a program that does not read its input fails nothing", async () => {
  expect(await run("exit 0", "x".repeat(1_000_000))).toMatchObject({ exitCode: 0 });
});

test("a program that prints too much is stopped", async () => {
  await expect(run("yes")).rejects.toThrow("it printed more than 1000 characters");
});

test("a program that can't be started rejects with the system's error", async () => {
  const missing = { command: "/no/such/program", arguments: [], input: "", signal, maxOutput: 1 };
  await expect(runProcess(missing)).rejects.toMatchObject({ code: "ENOENT" });
});

test("a signal that has aborted starts nothing", async () => {
  const aborted = AbortSignal.abort(new Error("stop"));
  const program = { command: "sh", arguments: [], input: "", signal: aborted, maxOutput: 1 };
  await expect(runProcess(program)).rejects.toThrow("stop");
});

test("an abort ends a program and what it has started, also outside its process group", async () => {
  const controller = new AbortController();
  const end = (pid: string): boolean => {
    try {
      return /\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
      return true;
    }
  };
  let stdout = "";
  const running = streamProcess({
    command: "sleep 1000 & echo $!; setsid sh -c 'echo $$; sleep 1000; true' & wait",
    arguments: [],
    isShellCommand: true,
    signal: controller.signal,
    onStdout: (text) => {
      stdout += text;
    },
  });
  await expect.poll(() => stdout).toMatch(/^\d+\n\d+\n$/);
  controller.abort(new Error("stop"));
  await expect(running).rejects.toThrow("stop");
  for (const pid of stdout.trim().split("\n")) await expect.poll(() => end(pid)).toBe(true);
});

test("what holds the output after a program's end is not waited for, what has arrived is kept", async () => {
  let stdout = "";
  const end = await streamProcess({
    command: "sh",
    arguments: ["-c", "sleep 1000 & echo $!"],
    signal,
    onStdout: (text) => {
      stdout += text;
    },
  });
  expect(end).toEqual({ exitCode: 0, endedBy: null, isOutputHeld: true });
  process.kill(Number(stdout), "SIGKILL");
});

test("without an input a program reads the null device", async () => {
  let stdout = "";
  const end = await streamProcess({
    command: "sh",
    arguments: ["-c", 'readlink /proc/$$/fd/0 || echo "/dev/null"; cat'],
    signal,
    environment: { PATH: process.env["PATH"] },
    onStdout: (text) => {
      stdout += text;
    },
  });
  expect(end).toMatchObject({ exitCode: 0, isOutputHeld: false });
  expect(stdout).toBe("/dev/null\n");
});
