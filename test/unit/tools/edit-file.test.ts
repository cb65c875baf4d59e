import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { editFile } from "../../../tools/edit-file.ts";
import { replaceText } from "../../../tools/files/replace-text.ts";
import { call, temporaryFolder, temporaryWorkspace } from "./temporary-workspace.ts";

const { signal } = new AbortController();
const context = { signal, report: () => {} };

/** What becomes of a file with this text. */
async function edit(text: string, old: string, replacement: string): Promise<string> {
  temporaryWorkspace({ a: text });
  await call(editFile, { path: "a", old, new: replacement });
  return readFileSync("a", "utf8");
}

test.each([
  ["in a line", "one two three", "two", "2", "one 2 three"],
  ["over lines", "a\nb\nc\n", "a\nb", "x", "x\nc\n"],
  ["at the end, without a break", "a\nb", "b", "c", "a\nc"],
  ["with nothing", "a\nb\nc\n", "b\n", "", "a\nc\n"],
  ["with $ signs as they are", "a", "a", "$& $1 $$ $` $'", "$& $1 $$ $` $'"],
  ["that looks like a regular expression", "f(x).*", "(x).*", "[y]", "f[y]"],
  ["in any script", "北京 😀!", "😀", "🏙️", "北京 🏙️!"],
  ["with half of a pair in common", "😀", "😀", "😁", "😁"],
])("a text is replaced %s", async (_, text, old, replacement, result) => {
  expect(await edit(text, old, replacement)).toBe(result);
});

test.each([
  ["one line", "a\r\nb\r\nc\r\n", "b", "x\ny", "a\r\nx\r\ny\r\nc\r\n"],
  ["several lines", "a\r\nb\r\nc\r\n", "a\nb\n", "x\ny\nz\n", "x\r\ny\r\nz\r\nc\r\n"],
  ["the last line", "a\r\nb", "b", "x\ny", "a\r\nx\r\ny"],
  ["several lines that were given so", "a\r\nb\r\n", "a\r\nb", "x\r\ny", "x\r\ny\r\n"],
])("Windows line endings stay in %s", async (_, text, old, replacement, result) => {
  expect(await edit(text, old, replacement)).toBe(result);
});

test("\\r\\n that is asked for where there is only \\n becomes \\n", async () => {
  expect(await edit("a\nb\n", "a\r\nb", "x\r\ny")).toBe("x\ny\n");
});

test("line endings themselves can be replaced", async () => {
  expect(await edit("a\r\nb\r\n", "a\r\n", "a\n")).toBe("a\nb\r\n");
});

test("in a file of mixed line endings, lines that do not change keep theirs", async () => {
  const mixed = "a\r\nb\nc\r\nd\ne\r\n";
  expect(await edit(mixed, "b\nc\nd", "b\nX\nd")).toBe("a\r\nb\nX\r\nd\ne\r\n");
  expect(await edit(mixed, "c", "c\nY")).toBe("a\r\nb\nc\r\nY\r\nd\ne\r\n");
  expect(await edit(mixed, " b\nc ", "b\nZ")).toBe("a\r\nb\nZ\r\nd\ne\r\n");
});

test("a byte order mark stays, and does not hide the first line", async () => {
  expect(await edit("\uFEFFone\ntwo\n", "one", "1")).toBe("\uFEFF1\ntwo\n");
  expect(await edit("\uFEFF  one\n  two\n", "one\ntwo", "1\ntwo\nthree")).toBe(
    "\uFEFF  1\n  two\n  three\n",
  );
});

test("whitespace may differ; the replacement is indented as the file is", async () => {
  const text = "class A {\n    run() {\n        return  1;\n    }\n}\n";
  expect(await edit(text, "run() {\n  return 1;\n}", "run() {\n  log();\n  return 2;\n}")).toBe(
    "class A {\n    run() {\n      log();\n      return 2;\n    }\n}\n",
  );
  expect(
    await edit("\tif (a)\n\t\tb();\n", "    if (a)\n        b();", "    if (c)\n        b();"),
  ).toBe("\tif (c)\n\t\tb();\n");
});

test("less indentation than the first line's is less of the file's", async () => {
  expect(await edit("      a\n    b\n", "    a  \n  b", "    x\n  y")).toBe("      x\n    y\n");
});

test("trailing blanks in the file or in old are no obstacle", async () => {
  expect(await edit("a  \nb\t\nc\n", "a\nb\n", "x\n")).toBe("x\nc\n");
  expect(await edit("a\nb", "a\nb\n", "x\ny\n")).toBe("x\ny");
  expect(await edit("  a\nb\n", "a  \n", "")).toBe("b\n");
});

test("what matched with other whitespace is told to the model", async () => {
  temporaryWorkspace({ a: "x\n  a\n  b\n" });
  const { output } = await call(editFile, { path: "a", old: "a\nb", new: "c" });
  expect(output).toBe(
    '{"ok": true, "note": "lines 2 to 3 did not match old exactly; the file\'s whitespace was kept"}',
  );
});

test("the normal form of Unicode may differ", async () => {
  expect(await edit("cafe\u0301 = 1\n", "caf\u00e9 = 1", "tea = 1")).toBe("tea = 1\n");
});

test("an exact match goes before one with other whitespace", async () => {
  expect(await edit("  a\na\n", "\na\n", "\nb\n")).toBe("  a\nb\n");
});

test("a text that is there several times is refused with its lines", async () => {
  await expect(edit("a\nb\na\nc\na", "a", "x")).rejects.toThrow(
    "old is not unique: it is in a in lines 1, 3 and 5; give more of the text around it",
  );
  await expect(edit("aaa", "aa", "x")).rejects.toThrow("in line 1 more than once");
  await expect(edit(" a\nb\n\ta\n", "a \n", "x\n")).rejects.toThrow("in lines 1 and 3;");
  await expect(edit("x\n".repeat(100_000), "x", "y")).rejects.toThrow("8, 9, 10 and more");
  await expect(edit(" x\n".repeat(100_000), "x  ", "y")).rejects.toThrow("8, 9, 10 and more");
  expect(readFileSync("a", "utf8")).toBe(" x\n".repeat(100_000));
});

test("a text that is not there is refused with the lines most like it", async () => {
  const text = "import a;\n\nexport function weather() {\n  return 1;\n}\n";
  await expect(edit(text, "function wether() {\n  return 2;", "x")).rejects.toThrow(
    /^old is not in a; most like it is:\n3: export function weather\(\) \{\n4: {3}return 1;$/,
  );
  await expect(edit(text, "quite another thing", "x")).rejects.toThrow("nor anything like it");
  await expect(edit(text, "\n\n\n", "x")).rejects.toThrow("old is not in a");
  await expect(edit("", "x", "y")).rejects.toThrow("old is not in a, which is empty");
});

test("calls that can't change anything are refused", async () => {
  temporaryWorkspace({ a: "one  two" });
  expect(() => editFile.prepare({ path: "a", old: "", new: "x" })).toThrow("old is empty");
  expect(() => editFile.prepare({ path: "a", old: "x", new: "x" })).toThrow("nothing would change");
  const unchanged = { path: "a", old: "one two", new: "one  two" };
  await expect(call(editFile, unchanged)).rejects.toThrow("a would not change");
});

test("files that are no text, too large, missing or outside are refused", async () => {
  const outside = temporaryFolder();
  temporaryWorkspace({
    "binary.bin": Buffer.from([0x61, 0]),
    "latin.txt": Buffer.from([0x61, 0xe9]),
    "huge.txt": Buffer.alloc((16 << 20) + 1, "a\n"),
    "src/weather.ts": "a",
  });
  symlinkSync(outside, "out");
  const error = async (path: string): Promise<unknown> =>
    call(editFile, { path, old: "a", new: "b" });
  await expect(error("binary.bin")).rejects.toThrow("binary.bin is a binary file");
  await expect(error("latin.txt")).rejects.toThrow("latin.txt is no text in UTF-8");
  await expect(error("huge.txt")).rejects.toThrow("huge.txt is larger than 16 MiB");
  await expect(error("src/wether.ts")).rejects.toThrow("did you mean src/weather.ts?");
  await expect(error("src")).rejects.toThrow("src is a folder");
  await expect(error("out/a")).rejects.toThrow("outside the workspace");
  expect(readFileSync("latin.txt")).toEqual(Buffer.from([0x61, 0xe9]));
});

test("the difference is shown before and after", async () => {
  temporaryWorkspace({ "src/a.ts": "one\ntwo\nthree\n" });
  const prepared = editFile.prepare({ path: "src/a.ts", old: "two", new: "2" });
  expect(prepared).toMatchObject({ summary: "edit src/a.ts", subject: "src/a.ts" });
  const display = {
    type: "diff",
    path: "src/a.ts",
    diff: "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three",
    added: 1,
    removed: 1,
  };
  expect(await prepared.preview?.(signal)).toEqual(display);
  expect(readFileSync("src/a.ts", "utf8")).toBe("one\ntwo\nthree\n");
  expect(await prepared.start(context)).toEqual({ output: '{"ok": true}', display });
});

test("a preview of what can't be done is an error", async () => {
  temporaryWorkspace({ a: "one" });
  const prepared = editFile.prepare({ path: "a", old: "two", new: "2" });
  await expect(prepared.preview?.(signal)).rejects.toThrow("old is not in a");
});

test("an earlier edit of the same turn is seen, a change after the preview is not overwritten", async () => {
  temporaryWorkspace({ a: "one two" });
  const first = editFile.prepare({ path: "a", old: "one", new: "1" });
  const second = editFile.prepare({ path: "a", old: "two", new: "2" });
  await first.start(context);
  await second.preview?.(signal);
  await second.start(context);
  expect(readFileSync("a", "utf8")).toBe("1 2");
  const third = editFile.prepare({ path: "a", old: "2", new: "3" });
  await third.preview?.(signal);
  writeFileSync("a", "another 2");
  await expect(third.start(context)).rejects.toThrow("a has changed since");
});

test("every part of a text that is there once can be replaced, whatever the line endings", () => {
  const piece = fc.constantFrom("a", "b", " ", "\t", "\n", "\r\n", "x y", "😀", "$&");
  const text = fc.array(piece, { minLength: 1, maxLength: 12 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(text, text, text, fc.array(piece), (before, middle, after, pieces) => {
      const whole = `${before}<${middle}>${after}`;
      const replacement = `[${pieces.join("")}]`.replaceAll("\r\n", "\n");
      const old = `<${middle}>`.replaceAll("\r\n", "\n");
      const result = replaceText(whole, { old, new: replacement }, "a").text;
      expect(result.startsWith(before)).toBe(true);
      expect(result.endsWith(after)).toBe(true);
      const made = result.slice(before.length, result.length - after.length);
      expect(made.replaceAll("\r\n", "\n")).toBe(replacement);
      if (whole.includes("\r") && !/(^|[^\r])\n/.test(whole))
        expect(made).not.toMatch(/(^|[^\r])\n/);
      if (!whole.includes("\r")) expect(made).not.toContain("\r");
    }),
    { numRuns: 2_000 },
  );
});
