/** Every example of the README is run, and prints what the README says (`…` stands for anything). */
import { spawn } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { startEndpoint, type FakeReply } from "../support/fake-endpoint.ts";
import { startInTerminal } from "../support/terminal.ts";
import { environment, newFolder, program, root } from "../support/kimi.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");

interface Block {
  readonly language: string;
  readonly file: string | undefined;
  readonly text: string;
}

const blocks: Block[] = [...readme.matchAll(/^```(\w+)(?: file=(\S+))?\n(.*?)^```$/gms)].map(
  ([, language = "", file, text = ""]) => ({ language, file, text }),
);

interface Example {
  readonly command: string;
  readonly output: string;
}

const examples: Example[] = blocks
  .filter(({ language }) => language === "console")
  .flatMap(({ text }) =>
    text
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = "", ...output] = part.split("\n");
        return { command, output: output.join("\n") };
      }),
  );

const editing = JSON.stringify({ path: "a.txt", old: "two", new: "three" });

/** What the servers of the README say. */
const replies: Readonly<Record<string, readonly FakeReply[]>> = {
  "Summarize this": [{ content: "There are 12 apples." }],
  "6 * 7": [
    { calls: [{ name: "calculate", arguments: '{"expression": "6 * 7"}' }] },
    { content: "It is 42." },
  ],
  "Who are you": [{ content: "I am Kimi." }],
  "replace two by three": [
    { calls: [{ name: "edit_file", arguments: editing }] },
    { content: "I was not allowed to." },
  ],
  "Replace two by three": [
    { calls: [{ name: "edit_file", arguments: editing }] },
    { content: "Done." },
  ],
};

const folder = newFolder();
const bin = newFolder();

beforeAll(() => {
  for (const { file, text } of blocks)
    if (file !== undefined) writeFileSync(join(folder, file), text);
  symlinkSync(join(root, "models"), join(folder, "models"));
  symlinkSync(join(root, "test/fixtures/nano"), join(folder, "nano-checkpoint"));
  writeFileSync(join(bin, "kimi"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, {
    mode: 0o755,
  });
});

test("every block is an example or a file of one", () => {
  expect(blocks.length).toBeGreaterThan(10);
  const isRun = ({ language, file }: Block): boolean =>
    language === "console" || language === "screen" || file !== undefined;
  expect(blocks.every(isRun)).toBe(true);
  expect(readme.match(/^```/gm)).toHaveLength(2 * blocks.length);
});

test("the command that runs the tests is there", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  expect(examples.map(({ command }) => command)).toContain("npm ci && npm test");
  expect(scripts["test"]).toBe("vitest run");
});

describe("the example", () => {
  const runnable = examples.filter(({ command }) => command !== "npm ci && npm test");
  test.each(runnable)("$command", async ({ command, output }) => {
    const script = Object.entries(replies).find(([words]) => command.includes(words))?.[1] ?? [
      { content: "" },
    ];
    const { url } = await startEndpoint("chat", script);
    const actual = await shell(
      command.replaceAll("http://127.0.0.1:8000/v1", url).replace("npm ci && npx kimi", "kimi"),
      url,
    );
    const shown = actual
      .replaceAll(url, "http://127.0.0.1:8000/v1")
      .replaceAll(/^loading the model …\n/gm, "");
    expect(spaced(shown)).toMatch(new RegExp(`${patternOf(spaced(output)).source}$`));
  });
});

test("what the terminal program shows is what the README shows", async () => {
  const { text } = blocks.find(({ language }) => language === "screen") as Block;
  const home = newFolder();
  const chat = startInTerminal([], { env: { HOME: home, XDG_DATA_HOME: `${home}/data` } });
  await chat.waitForPrompt();
  for (const [, said = ""] of text.matchAll(/^❯ (.*)$/gm)) chat.type(`${said}\r`);
  await chat.waitFor(text.trimEnd().split("\n").at(-1) ?? "");
  await chat.waitForPrompt();
  expect(chat.screen().trim().startsWith("❯")).toBe(true);
  expect(`${chat.screen().trim()}\n`).toMatch(patternOf(text));
});

/** Of a text in which `…` stands for anything. */
function patternOf(text: string): RegExp {
  const escaped = text
    .split("…")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${escaped.join("[^]*?")}`);
}

/** Columns are as wide as what is in them; a prompt has no line break at its end, a block of the README has. */
function spaced(text: string): string {
  return text.replaceAll(/ {2,}/g, "  ").replace(/\n?$/, "\n");
}

/** In one folder and with one configuration, as a reader would; what both streams print, in order. */
async function shell(command: string, url: string): Promise<string> {
  const env = environment({
    XDG_CONFIG_HOME: join(folder, "config"),
    PATH: `${bin}:${process.env["PATH"]}`,
  });
  if (command.includes("--profile cluster") && !command.startsWith("kimi config set")) {
    await shell(`kimi config set --profile cluster base-url ${url}`, url);
  }
  const child = spawn(
    "bash",
    ["-c", `${command} 2>&1`.replace(/2>\/dev\/null(.*) 2>&1$/, "2>/dev/null$1")],
    {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await new Promise((resolve) => child.on("close", resolve));
  return output;
}
