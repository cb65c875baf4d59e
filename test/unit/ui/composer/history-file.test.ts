import { execFile } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync, lstatSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { appendHistory, loadHistory } from "../../../../src/ui/composer/history-file.ts";

const source = join(import.meta.dirname, "../../../../src/ui/composer/history-file.ts");

describe("the history file", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kimi-history-"));
    path = join(folder, "state", "history.jsonl");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test("gives back what was appended, oldest first, whatever is in it", () => {
    const entries = ["one", "two\nlines", '"quotes" \\ 你好 👨‍👩‍👧‍👦', "\u2028\ud800"];
    for (const entry of entries) expect(appendHistory(path, entry)).toBe(true);
    expect(loadHistory(path)).toEqual(entries);
    expect(loadHistory(path, 2)).toEqual(entries.slice(2));
  });

  test("is not there at first", () => {
    expect(loadHistory(path)).toEqual([]);
  });

  test("can be read by its owner only, also when it could by others before", () => {
    appendHistory(path, "one");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o644);
    appendHistory(path, "two");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("says when each entry was sent", () => {
    appendHistory(path, "one", new Date("2026-11-25T12:00:00Z"));
    expect(readFileSync(path, "utf8")).toBe('{"text":"one","at":"2026-11-25T12:00:00.000Z"}\n');
  });

  test("takes no blank entries and none of more than 100 kB", () => {
    expect(appendHistory(path, " \n ")).toBe(false);
    expect(appendHistory(path, "汉".repeat(33_334))).toBe(false);
    expect(appendHistory(path, "x".repeat(100_000))).toBe(true);
    expect(loadHistory(path)).toEqual(["x".repeat(100_000)]);
  });

  test("survives lines that are no entries, and one that was cut off", () => {
    appendHistory(path, "one");
    appendFileSync(path, 'nonsense\n{"text":1}\nnull\n\n{"text":"cut o');
    appendHistory(path, "two");
    expect(loadHistory(path)).toEqual(["one", "two"]);
  });

  test("is cut when it has grown past twice the limit, and stays a link", () => {
    mkdirSync(dirname(path));
    const target = join(folder, "elsewhere.jsonl");
    writeFileSync(target, "");
    symlinkSync(target, path);
    for (let entry = 0; entry < 20; entry++) appendHistory(path, `entry ${entry}`);
    loadHistory(path, 10);
    expect(readFileSync(path, "utf8").trim().split("\n")).toHaveLength(20);
    appendHistory(path, "entry 20");
    const last = Array.from({ length: 10 }, (_, index) => `entry ${index + 11}`);
    expect(loadHistory(path, 10)).toEqual(last);
    expect(readFileSync(path, "utf8").trim().split("\n")).toHaveLength(10);
    expect(loadHistory(path, 10)).toEqual(last);
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(["elsewhere.jsonl", "state"]);
  });

  test("loses nothing when several programs append at once", async () => {
    const script = `
      const { appendHistory } = await import(${JSON.stringify(source)});
      for (let entry = 0; entry < 100; entry++) {
        appendHistory(process.argv[1], process.argv[2] + entry + "x".repeat(5000));
      }`;
    const run = promisify(execFile);
    await Promise.all(
      ["a", "b", "c"].map((name) =>
        run(process.execPath, ["--input-type=module", "-e", script, path, name]),
      ),
    );
    const entries = loadHistory(path).map((entry) => entry.replaceAll("x", ""));
    for (const name of ["a", "b", "c"]) {
      const own = entries.filter((entry) => entry.startsWith(name));
      expect(own).toEqual(Array.from({ length: 100 }, (_, entry) => `${name}${entry}`));
    }
  });
});
