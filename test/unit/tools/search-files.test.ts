import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lineMatcher } from "../../../tools/files/line-matcher.ts";
import { searchFiles } from "../../../tools/search-files.ts";
import { call, temporaryFolder, temporaryWorkspace } from "./temporary-workspace.ts";

interface Found {
  readonly matches: readonly string[];
  readonly note?: string;
}

const search = async (
  pattern: string,
  where: { path?: string; glob?: string } = {},
): Promise<Found> => JSON.parse((await call(searchFiles, { pattern, ...where })).output) as Found;

test("matches are told with file and line, in the form that the demonstration model knows", async () => {
  temporaryWorkspace({ "src/a.ts": "one\n  two\r\ntwo three", "b.md": "two" });
  const { output } = await call(searchFiles, { pattern: "two" });
  expect(output).toBe('{"matches": ["b.md:1: two", "src/a.ts:2:   two", "src/a.ts:3: two three"]}');
  expect((await call(searchFiles, { pattern: "four" })).output).toBe('{"matches": []}');
});

test.each([
  ["a regular expression", "^t.o$", ["two"]],
  ["a text that is no regular expression", "f(", ["f(x)", "f(y"]],
  ["a text that is also a regular expression", "f(x)", ["f(x)", "fx"]],
  ["$ and other signs as text", "$5.00", ["cost $5.00"]],
  ["needless escapes", "\\-x\\_", ["-x_"]],
  ["classes of Unicode", "^\\p{Lu}", ["Äpfel"]],
  ["case insensitively", "(?i)^TWO$", ["two"]],
])("%s is found", async (_, pattern, lines) => {
  temporaryWorkspace({ a: "two\nf(x)\nf(y\nfx\ncost $5.00\n-x_\nÄpfel\n" });
  const { matches } = await search(pattern);
  expect(matches.map((match) => match.replace(/^a:\d+: /, ""))).toEqual(lines);
});

test("a search can begin in a folder or a file", async () => {
  temporaryWorkspace({ "src/a.ts": "x", "src/deep/b.ts": "x", "c.ts": "x" });
  expect((await search("x", { path: "src" })).matches).toEqual([
    "src/a.ts:1: x",
    "src/deep/b.ts:1: x",
  ]);
  expect((await search("x", { path: "c.ts" })).matches).toEqual(["c.ts:1: x"]);
});

test("a glob is of names, or with a slash of paths", async () => {
  temporaryWorkspace({ "a.ts": "x", "src/b.ts": "x", "src/c/d.ts": "x", "src/e.md": "x" });
  const found = async (glob: string, path?: string): Promise<string[]> =>
    (await search("x", { glob, ...(path === undefined ? {} : { path }) })).matches.map(
      (match) => match.split(":")[0] ?? "",
    );
  expect(await found("*.ts")).toEqual(["a.ts", "src/b.ts", "src/c/d.ts"]);
  expect(await found("src/*.ts")).toEqual(["src/b.ts"]);
  expect(await found("./src/**/*.ts")).toEqual(["src/b.ts", "src/c/d.ts"]);
  expect(await found("src/**/*.ts", "src")).toEqual(["src/b.ts", "src/c/d.ts"]);
  expect(await found("c/*", "src")).toEqual(["src/c/d.ts"]);
  expect(await found("*.{md,txt}")).toEqual(["src/e.md"]);
});

test("dependencies, histories and binary files are skipped, hidden files are not", async () => {
  temporaryWorkspace({
    ".git/x": "x",
    "node_modules/x": "x",
    "dist/x": "x",
    "image.png": Buffer.from([0x78, 0]),
    ".github/x": "x",
    ".env": "x",
  });
  expect((await search("x")).matches).toEqual([".env:1: x", ".github/x:1: x"]);
  expect((await search("x", { path: "dist" })).matches).toEqual(["dist/x:1: x"]);
});

test("symlinks lead nowhere else, and pipes hang nothing", async () => {
  const outside = temporaryFolder();
  writeFileSync(join(outside, "secret"), "x");
  temporaryWorkspace({ "src/a": "x" });
  symlinkSync(outside, "out");
  symlinkSync(join(outside, "secret"), "secret");
  symlinkSync("..", "src/up");
  execFileSync("mkfifo", ["pipe"]);
  expect((await search("x")).matches).toEqual(["src/a:1: x"]);
  await expect(search("x", { path: "out" })).rejects.toThrow("outside the workspace");
  await expect(search("x", { path: "pipe" })).rejects.toThrow("pipe is a binary file, or can't");
});

test("large files are not searched, and the note says so", async () => {
  temporaryWorkspace({ a: "x", big: Buffer.alloc(5_000_001, "x") });
  expect(await search("x")).toEqual({
    matches: ["a:1: x"],
    note: "not searched: files over 5 MB (1)",
  });
});

test("many matches and long lines are cut, and the note says so", async () => {
  temporaryWorkspace({ a: "x\n".repeat(150), b: "x\n".repeat(150), long: `y${"😀".repeat(400)}` });
  const many = await search("x");
  expect(many.matches).toHaveLength(200);
  expect(many.note).toBe("only the first 200 matches; narrow the search with path or glob");
  const long = await search("y");
  expect(long.matches[0]).toMatch(/^long:1: y(😀){149}…$/u);
  expect(long.note).toBe("lines are cut after 300 characters");
});

test("exactly as many matches as are shown have no note", async () => {
  temporaryWorkspace({ a: "x\n".repeat(200) });
  expect(await search("x")).toEqual({ matches: expect.any(Array) as string[] });
});

test("a regular expression that would take years is stopped, naming the file", async () => {
  temporaryWorkspace({ a: `${"a".repeat(50)}!` });
  await expect(search("^(a+)+$")).rejects.toThrow("the pattern takes too long in a; simplify it");
});

test("an interruption between two files ends the search", async () => {
  temporaryWorkspace({ a: "x", b: "x" });
  const signal = AbortSignal.abort(new Error("stop"));
  await expect(call(searchFiles, { pattern: "x" }, { signal })).rejects.toThrow("stop");
});

test("what can't be searched is an error", async () => {
  temporaryWorkspace();
  mkdirSync("source");
  expect(() => searchFiles.prepare({ pattern: "" })).toThrow("the pattern is empty");
  await expect(search("x", { path: "sorce" })).rejects.toThrow("did you mean source?");
});

test("the summary is one short line", () => {
  temporaryWorkspace();
  expect(searchFiles.prepare({ pattern: `a\n${"b".repeat(500)}` }).summary).toBe("search . for a…");
});

test("lines are numbered from 1, blank ones and a last one without a break too", () => {
  const match = lineMatcher("^$|z");
  expect(match("\na\r\n\r\nz", 10).map(({ number }) => number)).toEqual([1, 3, 4]);
  expect(match("", 10)).toEqual([]);
});
