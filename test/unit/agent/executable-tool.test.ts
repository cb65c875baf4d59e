import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openExecutable as open } from "../../../src/agent/executable-tool.ts";
import type { ToolContext } from "../../../src/agent/tool.ts";

const openExecutable = (path: string) => open(path, new AbortController().signal);

const folder = mkdtempSync(join(tmpdir(), "kimi-tools-"));
let count = 0;

function program(body: string, mode = 0o755): string {
  const path = join(folder, `tool-${count++}`);
  writeFileSync(path, body);
  chmodSync(path, mode);
  return path;
}

const schema = JSON.stringify({ name: "t", description: "d", parameters: { type: "object" } });
const shell = (call: string, description = schema): string =>
  `#!/bin/sh\nif [ "$1" = --schema ]; then printf '%s' '${description}'; exit; fi\n${call}\n`;

const context = (more: Partial<ToolContext> = {}): ToolContext => ({
  signal: new AbortController().signal,
  report: () => {},
  ...more,
});

test("a program is described by --schema and answers on standard output", async () => {
  const tool = await openExecutable(program(shell("cat; echo heard >&2")));
  expect(tool).toMatchObject({ name: "t", description: "d", effect: "execute" });
  const heard: string[] = [];
  const prepared = tool.prepare({ a: 1 });
  expect(prepared.summary).toBe('t {"a":1}');
  expect(await prepared.start(context({ report: (text) => heard.push(text) }))).toEqual({
    output: '{"a":1}',
  });
  expect(heard.join("")).toBe("heard\n");
});

test("it may say its effect and its time limit", async () => {
  const description = JSON.stringify({
    ...(JSON.parse(schema) as object),
    effect: "read",
    timeout_seconds: 2.5,
  });
  expect(await openExecutable(program(shell("true", description)))).toMatchObject({
    effect: "read",
    timeoutMs: 2500,
  });
});

test("a program that need not read its input may not", async () => {
  const tool = await openExecutable(program(shell("echo 1")));
  expect(await tool.prepare({ long: "x".repeat(1_000_000) }).start(context())).toEqual({
    output: "1",
  });
});

test("a non-zero exit code makes an error of the output, or of the last complaint", async () => {
  const withOutput = await openExecutable(program(shell("echo no such thing; exit 3")));
  expect(await withOutput.prepare({}).start(context())).toEqual({
    output: "no such thing",
    isError: true,
  });
  const silent = await openExecutable(program(shell("echo first >&2; echo broken >&2; exit 3")));
  await expect(silent.prepare({}).start(context())).rejects.toThrow(/failed: broken/);
});

test("a program that prints without end is stopped", async () => {
  const tool = await openExecutable(program(shell("yes")));
  await expect(tool.prepare({}).start(context())).rejects.toThrow(
    "printed more than 1048576 characters",
  );
});

test("a program that leaves another running, its output open, has answered when it ends", async () => {
  const tool = await openExecutable(program(shell("sleep 20 & echo answer")));
  expect(await tool.prepare({}).start(context())).toEqual({ output: "answer" });
});

test("when it is stopped, so is everything it has started", async () => {
  const pidFile = join(folder, "child.pid");
  const tool = await openExecutable(
    program(shell(`sleep 1000 & echo $! > ${pidFile}; echo ready >&2; wait`)),
  );
  const controller = new AbortController();
  const report = (): void => controller.abort(new Error("stop"));
  await expect(
    tool.prepare({}).start(context({ signal: controller.signal, report })),
  ).rejects.toThrow("stop");
  const pid = readFileSync(pidFile, "utf8").trim();
  await expect.poll(() => isRunning(pid)).toBe(false);
});

/** Not there any more, or dead and not yet collected. */
function isRunning(pid: string): boolean {
  const status = `/proc/${pid}/stat`;
  return existsSync(status) && !/^\d+ \(.*\) Z/.test(readFileSync(status, "utf8"));
}

test.each([
  ["one that is not there", () => join(folder, "missing"), /does not exist/],
  ["one that is not executable", () => program("x", 0o644), /not executable/],
  [
    "one that fails at --schema",
    () => program("#!/bin/sh\necho what is this >&2\nexit 1\n"),
    /--schema failed: what is this/,
  ],
  ["one that prints no JSON", () => program("#!/bin/sh\necho hello\n"), /did not print JSON/],
  ["one without a name", () => program(shell("true", '{"description": "d"}')), /has no name/],
  [
    "one with another effect",
    () => program(shell("true", schema.replace("{", '{"effect": "magic",'))),
    /no effect that is one of/,
  ],
])("%s is refused with its path", async (_, path, message) => {
  const file = path();
  await expect(openExecutable(file)).rejects.toThrow(message);
  await expect(openExecutable(file)).rejects.toThrow(file);
});
