/** In a terminal of its own, since the marker is about the one the process has. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "@lydell/node-pty";
import { expect, onTestFinished, test } from "vitest";
import { restoreSequence, restoreTitle } from "../../../../src/ui/terminal/restore.ts";

const source = JSON.stringify(join(import.meta.dirname, "../../../../src/ui/terminal/restore.ts"));

/** Marks the terminal, tells what files there are, and removes the mark if it is told to. */
function script(folder: string, { removes }: { readonly removes: boolean }): string {
  return `
    import { readdirSync, readFileSync, existsSync } from "node:fs";
    import { markTerminal } from ${source};
    const folder = ${JSON.stringify(folder)};
    const marker = markTerminal(folder, (text) => process.stdout.write("<" + JSON.stringify(text) + ">"));
    const files = existsSync(folder) ? readdirSync(folder) : [];
    const marks = files.map((name) => readFileSync(folder + "/" + name, "utf8") === String(process.pid));
    process.stdout.write("[" + marks.join() + "]");
    ${removes ? "marker.remove();" : ""}
  `;
}

/** A shell that runs one program after the other in the same terminal; gives what was written. */
function inTerminal(...scripts: readonly string[]): Promise<string> {
  const command = scripts
    .map((_, index) => `"$NODE" --input-type=module -e "$S${index}" <&0`)
    .join("; ");
  const environment = Object.fromEntries(scripts.map((text, index) => [`S${index}`, text]));
  const child = spawn("/bin/sh", ["-c", command], {
    env: { ...process.env, ...environment, NODE: process.execPath, NODE_NO_WARNINGS: "1" },
  });
  let all = "";
  child.onData((data) => (all += data));
  return new Promise((resolve) => child.onExit(() => resolve(all)));
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kimi-marks-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const healed = `<${JSON.stringify(restoreSequence + restoreTitle)}>`;

test("a terminal is marked while it is used, and not after", async () => {
  const folder = newFolder();
  expect(await inTerminal(script(join(folder, "marks"), { removes: true }))).toBe("[true]");
  expect(readdirSync(join(folder, "marks"))).toEqual([]);
});

test("what a killed program left is tidied up by the next one in the same terminal, once", async () => {
  const folder = newFolder();
  const [killed, next, last] = [false, true, true].map((removes) => script(folder, { removes }));
  const all = await inTerminal(killed ?? "", next ?? "", last ?? "");
  expect(all).toBe(`[true]${healed}[true][true]`);
});

test("a program that still runs is left alone", async () => {
  const folder = newFolder();
  const mark = script(folder, { removes: false });
  const other = mark.replace(
    "const marker",
    `const { writeFileSync } = await import("node:fs");
     for (const name of readdirSync(folder)) writeFileSync(folder + "/" + name, "${process.pid}");
     const marker`,
  );
  expect(await inTerminal(mark, other)).toBe("[true][true]");
});

test("a folder that can't be written is no reason not to start", async () => {
  const folder = newFolder();
  writeFileSync(join(folder, "file"), "");
  const below = join(folder, "file", "marks");
  expect(await inTerminal(script(below, { removes: true }))).toBe("[]");
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("");
});

test("a mark that is damaged heals nothing", async () => {
  const folder = newFolder();
  mkdirSync(folder, { recursive: true });
  const mark = script(folder, { removes: false });
  const damage = mark.replace(
    "const marker",
    `const { writeFileSync } = await import("node:fs");
     for (const name of readdirSync(folder)) writeFileSync(folder + "/" + name, "x");
     const marker`,
  );
  expect(await inTerminal(mark, damage)).toBe("[true][true]");
});
