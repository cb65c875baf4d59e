import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { lockSession } from "../../../src/session/session-lock.ts";

const racer = fileURLToPath(new URL("../../support/lock-racer.ts", import.meta.url));
const newPath = (): string => join(mkdtempSync(join(tmpdir(), "kimi-lock-")), "s.jsonl");

/** Of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ["-e", "0"]).pid;

function leaveLock(path: string, holder: object | string): void {
  writeFileSync(`${path}.lock`, typeof holder === "string" ? holder : JSON.stringify(holder));
}

test("a second open is refused and told by whom, until the first is closed", () => {
  const path = newPath();
  const unlock = lockSession(path, "s");
  expect(() => lockSession(path, "s")).toThrow(
    expect.objectContaining({
      code: "session-locked",
      message: `session s is open in another kimi (process ${process.pid} on ${hostname()})`,
      hint: expect.stringContaining("another session") as string,
    }) as Error,
  );
  unlock();
  lockSession(path, "s")();
  expect(readdirSync(dirname(path))).toEqual([]);
});

test.each([
  ["a process that has ended", () => ({ pid: deadPid(), host: hostname() })],
  [
    "an earlier process of the same id, as in a container",
    () => ({ pid: process.pid, host: hostname(), started: "1" }),
  ],
  ["nobody who can be read", () => '{"pid": 1'],
  ["nobody at all", () => "null"],
])("a lock left by %s is taken over", (_, holder) => {
  const path = newPath();
  leaveLock(path, holder());
  const unlock = lockSession(path, "s");
  expect(JSON.parse(readFileSync(`${path}.lock`, "utf8"))).toMatchObject({ pid: process.pid });
  expect(() => lockSession(path, "s")).toThrow(/is open/);
  unlock();
  expect(readdirSync(dirname(path))).toEqual([]);
});

test("one left by a process that was killed and that nobody has waited for is taken over", async () => {
  const path = newPath();
  // The shell never waits for its child, which stays there as a zombie.
  const shell = spawn("bash", ["-c", "sleep 1000 & echo $!; exec sleep 1000"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => void shell.kill("SIGKILL"));
  const pid = Number(await firstLine(shell));
  const started = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19];
  leaveLock(path, { pid, host: hostname(), started });
  expect(() => lockSession(path, "s")).toThrow(`process ${pid}`);
  process.kill(pid, "SIGKILL");
  await expect.poll(() => readFileSync(`/proc/${pid}/stat`, "utf8")).toMatch(/\) Z/);
  lockSession(path, "s")();
});

test("one of another machine is left alone, with word of how to remove it", () => {
  const path = newPath();
  leaveLock(path, { pid: 1, host: "elsewhere" });
  expect(() => lockSession(path, "s")).toThrow(
    expect.objectContaining({
      message: expect.stringContaining("(process 1 on elsewhere)") as string,
      hint: expect.stringContaining(`remove ${path}.lock`) as string,
    }) as Error,
  );
  expect(existsSync(`${path}.lock`)).toBe(true);
});

test("a takeover that a kill cut short is taken over, too", () => {
  const path = newPath();
  const holder = { pid: deadPid(), host: hostname() };
  leaveLock(path, holder);
  writeFileSync(`${path}.lock.takeover`, JSON.stringify(holder));
  lockSession(path, "s")();
  expect(existsSync(`${path}.lock`)).toBe(false);
});

test("a folder that can't be written to is an error with a hint", () => {
  expect(() => lockSession("/proc/no/such/s.jsonl", "s")).toThrow(
    expect.objectContaining({ code: "session", hint: expect.any(String) as string }) as Error,
  );
});

test("of several processes that find the same dead holder exactly one wins", async () => {
  const racers = [1, 2, 3].map(() => spawn(process.execPath, [racer], { stdio: "pipe" }));
  onTestFinished(() => racers.forEach((child) => child.kill("SIGKILL")));
  const answers = racers.map((child) =>
    createInterface({ input: child.stdout })[Symbol.asyncIterator](),
  );
  const holder = { pid: deadPid(), host: hostname() };
  for (let round = 0; round < 300; round++) {
    const path = newPath();
    leaveLock(path, holder);
    for (const child of racers) child.stdin.write(`${path}\n`);
    const words = await Promise.all(
      answers.map(async (lines) => String((await lines.next()).value)),
    );
    expect(words.toSorted()).toEqual(["session-locked", "session-locked", "won"]);
  }
});

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) return "";
  for await (const line of createInterface({ input: child.stdout })) return line;
  return "";
}
