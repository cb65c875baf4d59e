import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import type { ConvertCommand } from "../../../src/cli/convert-command.ts";
import { lockFile, type LockRefusal } from "../../../src/file-lock.ts";
import { readGguf } from "../../../src/checkpoint/gguf-read.ts";
import { writeCheckpoint } from "../../support/synthetic-checkpoint.ts";

const base = mkdtempSync(join(tmpdir(), "kimi-convert-command-"));
afterAll(() => rmSync(base, { recursive: true }));
const folder = (): string => mkdtempSync(join(base, "case-"));
const module = pathToFileURL(join(import.meta.dirname, "../../../src/cli/convert-command.ts")).href;

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

/** The command in a process of its own; with `interrupt` it gets SIGINT as soon as a part of the output is there. */
async function run(command: ConvertCommand, interrupt = false): Promise<Outcome> {
  const script = `${interrupt ? interruption(`${command.output}.journal`) : ""}
    const { convert } = await import(${JSON.stringify(module)});
    try { process.exitCode = await convert(${JSON.stringify(command)}); }
    catch (error) { console.error(error.message + "\\n" + error.hint); process.exitCode = error.exitCode; }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const closed = once(child, "close") as Promise<[number | null]>;
  const [code] = await closed;
  return { stdout, stderr, code };
}

/** In the process itself, which may be done before another one has looked. */
function interruption(journal: string): string {
  return `
    const { existsSync } = await import("node:fs");
    const timer = setInterval(() => {
      if (!existsSync(${JSON.stringify(journal)})) return;
      clearInterval(timer); // a second one would not wait for anything
      process.kill(process.pid, "SIGINT");
    }, 1);`;
}

test("what was written is told on standard output, progress on standard error", async () => {
  const source = folder();
  writeCheckpoint(source, { format: "fp8" });
  const output = join(folder(), "model.gguf");
  const { stdout, stderr, code } = await run({ source, output, type: "Q8_0" });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\/.*model\.gguf {2}[\d.]+ [KM]iB\n$/);
  expect(stderr).toMatch(/100 % \[#+\] .* of .* {2}model\.gguf\n/);
  expect(stderr).not.toContain("\u001B");
  expect(readGguf(output).tensors.length).toBe(52);
});

test("while one conversion writes a file, another one is told to wait", async () => {
  const source = folder();
  writeCheckpoint(source, { format: "fp8" });
  const output = join(folder(), "model.gguf");
  const unlock = lockFile(`${output}.lock`, {} as LockRefusal);
  const second = await run({ source, output, type: "q8_0" });
  expect(second.code).toBe(75);
  expect(second.stderr).toMatch(/model\.gguf is being written by another kimi \(process \d+/);
  unlock();
  expect((await run({ source, output, type: "q8_0" })).code).toBe(0);
  expect(readdirSync(join(output, ".."))).toEqual(["model.gguf"]);
});

test("a dry run lists tensors and files and writes nothing", async () => {
  const source = folder();
  writeCheckpoint(source, { format: "bf16" });
  const to = folder();
  const command = { source, output: join(to, "model.gguf"), type: "q4_k_m", splitMaxSize: "500K" };
  const { stdout, code } = await run({ ...command, dryRun: true });
  expect(code).toBe(0);
  expect(stdout).toMatch(/blk\.1\.attn_k_b\.weight +BF16 +32 x 128 x 3 +24(\.0)? KiB\n/);
  expect(stdout).toMatch(/model-00001-of-0000\d\.gguf {2}/);
  expect(stdout).toMatch(/52 tensors, [\d.]+ MiB\n$|52 tensors, [\d.]+ KiB\n$/);
  expect(readdirSync(to)).toEqual([]);
});

test.each<[string, Partial<ConvertCommand>, RegExp]>([
  ["type", { type: "q9" }, /there is no type q9\nTypes: f32, /],
  ["number of threads", { threads: "0" }, /--threads 0 is no number of threads/],
  ["size", { splitMaxSize: "5X" }, /--split-max-size 5X is no size/],
  ["output", { output: "model.bin" }, /model.bin is no name for a model/],
])("a wrong %s is wrong use", async (_, change, message) => {
  const { stderr, code } = await run({ source: ".", output: "model.gguf", type: "f32", ...change });
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

test("interrupted, it says how to go on, and the same command does", async () => {
  const source = folder();
  writeCheckpoint(source, { format: "fp8", layers: 5, hiddenSize: 512, expertSize: 512 });
  const output = join(folder(), "model.gguf");
  const command = { source, output, type: "bf16", threads: "1" };
  const { stdout, stderr, code } = await run(command, true);
  expect({ stdout, code }).toEqual({ stdout: "", code: 130 });
  expect(stderr).toContain("The same command goes on from here.");
  expect(existsSync(output)).toBe(false);
  expect(existsSync(`${output}.part`)).toBe(true);
  expect((await run(command)).code).toBe(0);
  expect(existsSync(`${output}.part`)).toBe(false);
});
