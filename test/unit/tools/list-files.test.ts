import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { listFiles } from "../../../tools/list-files.ts";
import { call, temporaryFolder, temporaryWorkspace } from "./temporary-workspace.ts";

const isRoot = process.getuid?.() === 0;

const list = async (path: string): Promise<string> => (await call(listFiles, { path })).output;

test("names are sorted and folders end with a slash, in the form that the demonstration model knows", async () => {
  temporaryWorkspace({ "src/a.ts": "", "b.md": "", "a.md": "", ".env": "" });
  expect(await list(".")).toBe('{"files": [".env", "a.md", "b.md", "src/"]}');
  expect(await list("src/")).toBe('{"files": ["a.ts"]}');
});

test("an empty folder has no files", async () => {
  temporaryWorkspace();
  expect(await list("")).toBe('{"files": []}');
});

test("a symlink to a folder is a folder, one that leads nowhere is not", async () => {
  temporaryWorkspace({ "src/a.ts": "" });
  symlinkSync("src", "link");
  symlinkSync("missing", "lost");
  symlinkSync("loop", "loop");
  expect(await list(".")).toBe('{"files": ["link/", "loop", "lost", "src/"]}');
  expect(await list("link")).toBe('{"files": ["a.ts"]}');
});

test("names that JSON must quote are quoted", async () => {
  temporaryWorkspace({ 'a "b"\n': "", 北京: "" });
  expect(await list(".")).toBe('{"files": ["a \\"b\\"\\n", "北京"]}');
});

test("a large folder is cut, and the note says so", async () => {
  temporaryWorkspace();
  for (let index = 0; index < 1_005; index++) writeFileSync(String(index), "");
  const { files, note } = JSON.parse(await list(".")) as { files: string[]; note: string };
  expect(files).toHaveLength(1_000);
  expect(note).toContain("the first 1000 of 1005");
});

test("long names are cut too", async () => {
  temporaryWorkspace();
  for (let index = 100; index < 300; index++) writeFileSync(`${index}${"x".repeat(240)}`, "");
  const { files, note } = JSON.parse(await list(".")) as { files: string[]; note: string };
  expect(files.length).toBeLessThan(130);
  expect(note).toContain(`the first ${files.length} of 200`);
});

test("what is no folder is an error that says what to do", async () => {
  temporaryWorkspace({ "source/a.ts": "" });
  await expect(list("source/a.ts")).rejects.toThrow("source/a.ts is no folder; read_file");
  await expect(list("sorce")).rejects.toThrow("sorce does not exist; did you mean source?");
  await expect(list(temporaryFolder())).rejects.toThrow("outside the workspace");
});

test.skipIf(isRoot)("a folder that may not be read is said to be so", async () => {
  temporaryWorkspace();
  mkdirSync("closed", 0);
  await expect(list("closed")).rejects.toThrow("permission denied for closed");
  chmodSync("closed", 0o700);
});
