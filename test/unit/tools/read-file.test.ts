import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { LineWindow } from "../../../tools/files/line-window.ts";
import { SpillingText } from "../../../tools/files/spill.ts";
import { readFile } from "../../../tools/read-file.ts";
import {
  call,
  removeSpilledAfterAll,
  temporaryFolder,
  temporaryWorkspace,
} from "./temporary-workspace.ts";

removeSpilledAfterAll();

const isRoot = process.getuid?.() === 0;

const read = async (path: string, range: { offset?: number; limit?: number } = {}) =>
  (await call(readFile, { path, ...range })).output;

test.each([
  ["with a final newline", "one\ntwo\n"],
  ["without a final newline", "one\ntwo"],
  ["with Windows line endings", "one\r\ntwo\r\n"],
  ["of blank lines", "\n\n\n"],
  ["in any script", "北京 \u{1f600} cafe\u0301 caf\u00e9 \u05d0\n"],
])("a text %s is returned as it is", async (_, text) => {
  temporaryWorkspace({ "a.txt": text });
  expect(await read("a.txt")).toBe(text);
});

test("a byte order mark is not part of the text", async () => {
  temporaryWorkspace({ "a.txt": "\uFEFFone\n" });
  expect(await read("a.txt")).toBe("one\n");
});

test("an empty file is said to be empty", async () => {
  temporaryWorkspace({ "a.txt": "" });
  expect(await read("a.txt")).toBe("[a.txt is empty]");
});

test("a range says which lines it is and how to go on", async () => {
  temporaryWorkspace({ "a.txt": "one\ntwo\nthree\nfour" });
  expect(await read("a.txt", { limit: 2 })).toBe(
    "one\ntwo\n[lines 1 to 2 of 4; go on with offset 3]",
  );
  expect(await read("a.txt", { offset: 2, limit: 1 })).toBe(
    "two\n[line 2 of 4; go on with offset 3]",
  );
  expect(await read("a.txt", { offset: 3 })).toBe("three\nfour\n[lines 3 to 4 of 4]");
  expect(await read("a.txt", { offset: 4, limit: 10 })).toBe("four\n[line 4 of 4]");
  expect(await read("a.txt", { offset: 1, limit: 4 })).toBe("one\ntwo\nthree\nfour");
});

test("a range after the end is an error that says how many lines there are", async () => {
  temporaryWorkspace({ "a.txt": "one\ntwo\n", "b.txt": "one" });
  await expect(read("a.txt", { offset: 3 })).rejects.toThrow("a.txt has only 2 lines");
  await expect(read("b.txt", { offset: 2 })).rejects.toThrow("b.txt has only 1 line");
});

test("numbers of lines that are none are errors", async () => {
  temporaryWorkspace({ "a.txt": "one\n" });
  await expect(read("a.txt", { offset: 0 })).rejects.toThrow("offset");
  await expect(read("a.txt", { limit: 0 })).rejects.toThrow("limit");
});

test("a huge file is returned up to the end of a line, and can be read on from there", async () => {
  const lines = Array.from({ length: 200_000 }, (_, index) => `line ${index + 1}\n`);
  temporaryWorkspace({ "a.txt": lines.join("") });
  let text = "";
  let offset = 1;
  for (let calls = 0; calls < 3; calls++) {
    const output = await read("a.txt", { offset });
    expect(output.length).toBeLessThan(30_100);
    const [, shown = "", from, next] =
      /^(.*)\[lines (\d+) to \d+ of 200000; go on with offset (\d+)\]$/s.exec(output) ?? [];
    expect(from).toBe(String(offset));
    text += shown;
    offset = Number(next);
  }
  expect(text).toBe(lines.slice(0, offset - 1).join(""));
});

test("a line that is too long is cut between characters", async () => {
  temporaryWorkspace({ "a.txt": `x${"😀".repeat(50_000)}\nend` });
  const output = await read("a.txt");
  expect(output).toMatch(
    /^x(😀)+\n\[line 1 of 2, cut after 30,000 characters; go on with offset 2\]$/u,
  );
  expect(output.isWellFormed()).toBe(true);
  expect(await read("a.txt", { offset: 2 })).toBe("end\n[line 2 of 2]");
});

test("binary files and other encodings are refused by name", async () => {
  temporaryWorkspace({
    "a.png": Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1]),
    "latin.txt": Buffer.from([0x63, 0x61, 0x66, 0xe9]),
    "late.txt": Buffer.concat([Buffer.alloc(200_000, "x\n"), Buffer.from([0xff])]),
    "utf16.txt": Buffer.from("\uFEFFhello", "utf16le"),
  });
  await expect(read("a.png")).rejects.toThrow("a.png is a binary file");
  await expect(read("latin.txt")).rejects.toThrow("latin.txt is no text in UTF-8");
  await expect(read("late.txt", { limit: 1 })).rejects.toThrow("late.txt is no text in UTF-8");
  await expect(read("utf16.txt")).rejects.toThrow("binary");
});

test("a missing file is an error with the nearest name", async () => {
  temporaryWorkspace({ "README.md": "", "src/weather.ts": "", "src/x/a": "" });
  await expect(read("readme.txt")).rejects.toThrow(
    "readme.txt does not exist; did you mean README.md?",
  );
  await expect(read("src/wether.ts")).rejects.toThrow("did you mean src/weather.ts?");
  await expect(read("src/quite-another")).rejects.toThrow(/does not exist$/);
  await expect(read("lib/a.ts")).rejects.toThrow(
    "lib/a.ts does not exist, nor does its folder lib",
  );
  await expect(read("README.md/a")).rejects.toThrow("a part of the path is no folder: README.md/a");
});

test("a folder is an error that names the right tool", async () => {
  temporaryWorkspace({ "src/a.ts": "" });
  await expect(read("src")).rejects.toThrow("src is a folder; list_files");
});

test("pipes and devices are refused, and hang nothing", async () => {
  temporaryWorkspace();
  execFileSync("mkfifo", ["pipe"]);
  await expect(read("pipe")).rejects.toThrow("pipe is no regular file");
});

test("files outside the workspace are not read", async () => {
  const outside = join(temporaryFolder(), "secret");
  writeFileSync(outside, "secret");
  temporaryWorkspace();
  symlinkSync(outside, "link");
  await expect(read(outside)).rejects.toThrow("outside the workspace");
  await expect(read("link")).rejects.toThrow("link is outside the workspace");
});

test("output that was spilled can be read on, its neighbours can't", async () => {
  temporaryWorkspace();
  const output = new SpillingText();
  output.add("line\n".repeat(10_000));
  const path = /the whole is in (.*)\]/.exec(output.end())?.[1] ?? "";
  expect(await read(path, { offset: 9_999 })).toBe("line\nline\n[lines 9999 to 10000 of 10000]");
  await expect(read(join(path, "..", "..", "x"))).rejects.toThrow("outside the workspace");
  const secret = join(temporaryFolder(), "secret");
  writeFileSync(secret, "secret");
  symlinkSync(secret, join(path, "..", "link"));
  await expect(read(join(path, "..", "link"))).rejects.toThrow("outside the workspace");
});

test.skipIf(isRoot)("what may not be read is said to be so", async () => {
  temporaryWorkspace({ "a.txt": "secret" });
  mkdirSync("closed");
  chmodSync("a.txt", 0);
  chmodSync("closed", 0);
  await expect(read("a.txt")).rejects.toThrow("permission denied for a.txt");
  await expect(read("closed/a.txt")).rejects.toThrow("permission denied for closed/a.txt");
  chmodSync("closed", 0o700);
});

test("an interruption ends a long read", async () => {
  temporaryWorkspace({ "a.txt": "x\n".repeat(100_000) });
  const signal = AbortSignal.abort(new Error("stop"));
  await expect(call(readFile, { path: "a.txt" }, { signal })).rejects.toThrow("stop");
});

test("the person and the rules see the path from the workspace", () => {
  const root = temporaryWorkspace({ "src/a.ts": "" });
  expect(readFile.prepare({ path: join(root, "src", "a.ts") })).toMatchObject({
    summary: "read src/a.ts",
    subject: "src/a.ts",
  });
});

test("any pieces of a text give the same lines", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "bc", "\n", "\r\n", "😀")),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      (pieces, offset, limit) => {
        const lines = pieces.join("").split(/(?<=\n)/);
        fc.pre(offset <= lines.length && pieces.length > 0);
        const window = new LineWindow({ offset, limit });
        for (const piece of pieces) window.add(piece);
        const shown = window.end("x").replace(/\n?\[lines? .*\]$/, "");
        const expected = lines.slice(offset - 1, offset - 1 + limit).join("");
        expect([expected, expected.replace(/\n$/, "")]).toContain(shown);
      },
    ),
  );
});

test("reading changes nothing", async () => {
  temporaryWorkspace({ "a.txt": "one" });
  await read("a.txt");
  expect(readFileSync("a.txt", "utf8")).toBe("one");
});
