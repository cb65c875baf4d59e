import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { isSpilled, SpillingText } from "../../../tools/files/spill.ts";
import { removeSpilledAfterAll } from "./temporary-workspace.ts";

removeSpilledAfterAll();

function shown(pieces: Iterable<string>): string {
  const text = new SpillingText();
  for (const piece of pieces) text.add(piece);
  return text.end();
}

const pathIn = (output: string): string => / in (\/.*)\]\n/.exec(output)?.[1] ?? "";

test("a text that fits is shown whole and stored nowhere", () => {
  expect(shown([])).toBe("");
  expect(shown(["a\n", "", "b"])).toBe("a\nb");
  const most = "x".repeat(30_000);
  expect(shown([most])).toBe(most);
});

test("a longer text is shown by its ends, cut between lines, and kept whole for this user only", () => {
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`);
  const whole = lines.join("");
  const output = shown(lines);
  const [, head = "", leftOut = "", tail = ""] =
    /^(.*\n)\[([\d,]+) characters left out; the whole is in .*?\]\n(.*)$/s.exec(output) ?? [];
  expect(whole.startsWith(head)).toBe(true);
  expect(whole.endsWith(tail)).toBe(true);
  expect(tail).toMatch(/^line \d+\n/);
  expect(head.length).toBeGreaterThan(9_900);
  expect(tail.length).toBeGreaterThan(9_900);
  expect(Number(leftOut.replaceAll(",", ""))).toBe(whole.length - head.length - tail.length);
  const path = pathIn(output);
  expect(readFileSync(path, "utf8")).toBe(whole);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  expect(dirname(dirname(path))).toBe(realpathSync(tmpdir()));
  expect(basename(dirname(path))).toMatch(/^kimi-output-\w{6}$/);
  expect(isSpilled(path)).toBe(true);
  expect(isSpilled(`${dirname(path)}-other/1.txt`)).toBe(false);
});

test("a text in one line is cut between characters", () => {
  for (const shift of ["", "x", "xx"]) {
    const output = shown([`${shift}${"😀".repeat(40_000)}${shift}`]);
    expect(output.isWellFormed()).toBe(true);
    expect(output.length).toBeLessThan(20_200);
    expect(output.length).toBeGreaterThan(20_000);
  }
});

test("any pieces of a text give the same ends and the same file", () => {
  const unit = fc.constantFrom("a", "😀", "\n", "é", "line of text\n");
  const piece = fc.tuple(unit, fc.integer({ min: 0, max: 20_000 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (parts) => {
      const pieces = parts.map(([text, count]) => text.repeat(count));
      const whole = pieces.join("");
      const output = shown(pieces);
      const withoutPath = (text: string): string => text.replace(/ in \/.*\]\n/, "");
      expect(withoutPath(output)).toBe(withoutPath(shown([whole])));
      if (whole.length > 30_000) expect(readFileSync(pathIn(output), "utf8")).toBe(whole);
      else expect(output).toBe(whole);
      expect(output.isWellFormed()).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test("beyond 64 MiB a text is counted and no longer kept, and the file ends between characters", () => {
  const piece = "é".repeat(500_001);
  const output = shown(Array.from({ length: 80 }, () => piece));
  expect(output).toContain("[39,980,080 characters left out; the first 64 MiB are in /");
  const stored = readFileSync(pathIn(output));
  expect(stored.length).toBe(64 << 20);
  expect(stored.subarray(-2).toString()).toBe("é");
  const odd = shown(["x", ...Array.from({ length: 80 }, () => piece)]);
  expect(statSync(pathIn(odd)).size).toBe((64 << 20) - 1);
});

test("what a process has spilled is gone with it", () => {
  const module = join(import.meta.dirname, "../../../tools/files/spill.ts");
  const script = `import { SpillingText } from ${JSON.stringify(module)};
    const text = new SpillingText();
    text.add("x".repeat(40_000));
    console.log(text.end());
    process.exit(3);`;
  const output = execFileSync("sh", [
    "-c",
    '"$0" --input-type=module -e "$1" || true',
    process.execPath,
    script,
  ]);
  const path = pathIn(output.toString());
  expect(path).toContain("kimi-output-");
  expect(existsSync(dirname(path))).toBe(false);
});

test("a text that can't be stored is shown all the same, and that is said", () => {
  const script = `import { rmSync } from "node:fs";
    import { dirname } from "node:path";
    import { SpillingText } from ${JSON.stringify(join(import.meta.dirname, "../../../tools/files/spill.ts"))};
    const long = () => {
      const text = new SpillingText();
      text.add("x".repeat(40_000));
      return text.end();
    };
    rmSync(dirname(/ in (.*)\\]/.exec(long())[1]), { recursive: true });
    console.log(long());`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script]).toString();
  expect(output).toMatch(
    /^x{10000}\n\[20,000 characters left out; they could not be kept: ENOENT.*\]\nx{10000}\n$/,
  );
});
