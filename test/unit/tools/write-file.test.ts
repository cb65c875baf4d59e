import { execFileSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeFile } from "../../../tools/write-file.ts";
import { call, temporaryFolder, temporaryWorkspace } from "./temporary-workspace.ts";

const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();
const context = { signal, report: () => {} };

const write = async (path: string, content: string): Promise<string> =>
  (await call(writeFile, { path, content })).output;

test.each(["", "one\ntwo", "one\r\n", "\uFEFFone", "北京 😀 cafe\u0301 $& $1\n"])(
  "%j is written as it is",
  async (content) => {
    temporaryWorkspace({ "old.txt": "old\r\n" });
    expect(await write("new.txt", content)).toBe('{"ok": true}');
    expect(await write("old.txt", content)).toBe('{"ok": true}');
    expect(readFileSync("new.txt", "utf8")).toBe(content);
    expect(readFileSync("old.txt", "utf8")).toBe(content);
  },
);

test("missing folders are made, and nothing else is left there", async () => {
  temporaryWorkspace();
  await write("a/b/c.txt", "x");
  await write("a/b/c.txt", "y");
  expect((readdirSync(".", { recursive: true }) as string[]).toSorted()).toEqual([
    "a",
    "a/b",
    "a/b/c.txt",
  ]);
});

test("the mode of a file stays, whatever the umask", async () => {
  temporaryWorkspace({ "run.sh": "old" });
  chmodSync("run.sh", 0o777);
  await write("run.sh", "new");
  expect(statSync("run.sh").mode & 0o7777).toBe(0o777);
});

test("the file is replaced in one step: who has it open reads the old text", async () => {
  temporaryWorkspace({ "a.txt": "old" });
  linkSync("a.txt", "other.txt");
  await write("a.txt", "new");
  expect(readFileSync("other.txt", "utf8")).toBe("old");
  expect(readFileSync("a.txt", "utf8")).toBe("new");
});

test("a symlink stays one, and the file it leads to is written", async () => {
  temporaryWorkspace({ "real/a.txt": "old" });
  symlinkSync("real/a.txt", "link");
  symlinkSync("real/new.txt", "dangling");
  await write("link", "new");
  await write("dangling", "made");
  expect(readlinkSync("link")).toBe("real/a.txt");
  expect(readFileSync("real/a.txt", "utf8")).toBe("new");
  expect(readFileSync("real/new.txt", "utf8")).toBe("made");
});

test("nothing outside the workspace is written, also not through symlinks", async () => {
  const outside = temporaryFolder();
  temporaryWorkspace();
  symlinkSync(outside, "out");
  symlinkSync(join(outside, "new"), "dangling");
  for (const path of [join(outside, "x"), "out/x", "out/a/b", "dangling", "../x"])
    await expect(write(path, "x"), path).rejects.toThrow("outside the workspace");
  expect(readdirSync(outside)).toEqual([]);
});

test("a folder that becomes a symlink after the call was prepared is refused", async () => {
  const outside = temporaryFolder();
  temporaryWorkspace();
  const prepared = writeFile.prepare({ path: "src/a.ts", content: "x" });
  symlinkSync(outside, "src");
  await expect(prepared.start(context)).rejects.toThrow("outside the workspace");
  expect(readdirSync(outside)).toEqual([]);
});

test("a file that becomes a symlink to another is not what was approved", async () => {
  temporaryWorkspace({ "other.ts": "other" });
  const prepared = writeFile.prepare({ path: "a.ts", content: "x" });
  symlinkSync("other.ts", "a.ts");
  await expect(prepared.start(context)).rejects.toThrow("a.ts leads elsewhere");
  expect(readFileSync("other.ts", "utf8")).toBe("other");
});

test("folders and special files are refused", async () => {
  temporaryWorkspace({ "src/a.ts": "" });
  execFileSync("mkfifo", ["pipe"]);
  await expect(write("src", "x")).rejects.toThrow("src is a folder");
  await expect(write(".", "x")).rejects.toThrow(". is a folder");
  await expect(write("pipe", "x")).rejects.toThrow("pipe is no regular file");
  await expect(write("src/a.ts/b", "x")).rejects.toThrow("a part of the path is no folder");
  await expect(write("x".repeat(300), "x")).rejects.toThrow("too long");
});

test.skipIf(isRoot)("write protection is respected, and nothing is left behind", async () => {
  temporaryWorkspace({ "a.txt": "old", "closed/b.txt": "old" });
  chmodSync("a.txt", 0o444);
  chmodSync("closed", 0o555);
  await expect(write("a.txt", "new")).rejects.toThrow("permission denied for a.txt");
  await expect(write("closed/b.txt", "new")).rejects.toThrow("permission denied for closed/b.txt");
  await expect(write("closed/c/d", "new")).rejects.toThrow("permission denied for closed/c/d");
  expect(readFileSync("closed/b.txt", "utf8")).toBe("old");
  expect(readdirSync("closed")).toEqual(["b.txt"]);
  chmodSync("closed", 0o755);
});

test("an interruption leaves the file as it was", async () => {
  temporaryWorkspace({ "a.txt": "old" });
  const aborted = { ...context, signal: AbortSignal.abort(new Error("stop")) };
  await expect(call(writeFile, { path: "a.txt", content: "new" }, aborted)).rejects.toThrow("stop");
  expect(readFileSync("a.txt", "utf8")).toBe("old");
  expect(readdirSync(".")).toEqual(["a.txt"]);
});

test("the difference is shown before and after", async () => {
  temporaryWorkspace({ "src/a.ts": "one\ntwo\nthree\n" });
  const prepared = writeFile.prepare({ path: "./src/a.ts", content: "one\n2\nthree\nfour\n" });
  expect(prepared).toMatchObject({ summary: "write src/a.ts", subject: "src/a.ts" });
  const display = {
    type: "diff",
    path: "src/a.ts",
    diff: "@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four",
    added: 2,
    removed: 1,
  };
  expect(await prepared.preview?.(signal)).toEqual(display);
  expect(readFileSync("src/a.ts", "utf8")).toBe("one\ntwo\nthree\n");
  expect(await prepared.start(context)).toEqual({ output: '{"ok": true}', display });
});

test("a new file is all added, and is not made by the preview", async () => {
  temporaryWorkspace();
  const prepared = writeFile.prepare({ path: "a/b.txt", content: "one\ntwo" });
  expect(await prepared.preview?.(signal)).toEqual({
    type: "diff",
    path: "a/b.txt",
    diff: "@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of file",
    added: 2,
    removed: 0,
  });
  expect(readdirSync(".")).toEqual([]);
});

test("a file that is no text may be replaced, and that is said", async () => {
  temporaryWorkspace({ "a.png": Buffer.from([1, 0, 2]) });
  const prepared = writeFile.prepare({ path: "a.png", content: "text" });
  expect(await prepared.preview?.(signal)).toEqual({
    type: "text",
    text: "a.png: replaces a file of 3 bytes that is not shown",
  });
  await prepared.start(context);
  expect(readFileSync("a.png", "utf8")).toBe("text");
});

test("a file that changes while the person looks at the difference is not overwritten", async () => {
  temporaryWorkspace({ "a.txt": "old" });
  const prepared = writeFile.prepare({ path: "a.txt", content: "new" });
  await prepared.preview?.(signal);
  writeFileSync("a.txt", "the person's");
  await expect(prepared.start(context)).rejects.toThrow("a.txt has changed since");
  expect(readFileSync("a.txt", "utf8")).toBe("the person's");
});

test("two large texts that share nothing do not hang the preview", async () => {
  const lines = (name: string): string =>
    Array.from({ length: 60_000 }, (_, index) => `${name} ${index}\n`).join("");
  temporaryWorkspace({ "a.txt": lines("old") });
  mkdirSync("x");
  const display = await writeFile
    .prepare({ path: "a.txt", content: lines("new") })
    .preview?.(signal);
  expect(display).toEqual({ type: "text", text: "a.txt: too much differs to be shown" });
});
