/** Bad input is one line that names it, one hint, the right exit code, and no stack. */
import { readFileSync, truncateSync, writeFileSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { nanoModel } from "../support/golden.ts";
import { jsonLines, kimi, newFolder } from "../support/kimi.ts";

const folder = newFolder();
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content, { mode: 0o755 });
  return path;
};

const truncated = join(folder, "truncated.gguf");
copyFileSync(nanoModel, truncated);
truncateSync(truncated, 4_000_000);

const tool = (parameters: string): string =>
  `export default { name: "t", description: "d", effect: "read", parameters: ${parameters}, prepare() {} };`;

const cases: readonly (readonly [
  what: string,
  args: readonly string[],
  code: number,
  message: RegExp,
  hint: RegExp,
])[] = [
  ["an unknown flag", ["run", "q", "--temprature", "1"], 2, /'--temprature'/, /--temperature/],
  ["an unknown flag like none", ["run", "q", "--zzz"], 2, /'--zzz'/, /kimi run --help/],
  ["an unknown command", ["rnu"], 2, /'rnu'/, /Did you mean run/],
  ["a flag without its value", ["run", "q", "--model"], 2, /--model/, /--help/],
  ["too many arguments", ["run", "two", "words"], 2, /too many arguments/, /--help/],
  ["an unknown output format", ["run", "q", "--output", "xml"], 2, /xml/, /./],
  [
    "an unknown tool",
    ["run", "q", "--tools", "wether"],
    2,
    /there is no tool wether/,
    /Did you mean weather/,
  ],
  [
    "an unknown profile",
    ["run", "q", "--profile", "moonshto"],
    3,
    /there is no profile moonshto/,
    /Did you mean moonshot/,
  ],
  [
    "an unknown model",
    ["run", "q", "--model", "kimi-k9"],
    2,
    /there is no model kimi-k9/,
    /\.gguf/,
  ],
  [
    "a missing model file",
    ["run", "q", "--model", "missing.gguf"],
    2,
    /missing.gguf does not exist/,
    /--model/,
  ],
  [
    "a file that is not GGUF",
    ["run", "q", "--model", file("text.gguf", "this is no model, only a text")],
    1,
    /text.gguf is not a GGUF file/,
    /\.gguf/,
  ],
  [
    "a truncated GGUF",
    ["run", "q", "--model", truncated],
    1,
    /truncated.gguf is cut off: tensor \S+ is not all there/,
    /size/,
  ],
  [
    "an empty file as a model",
    ["run", "q", "--model", file("empty.gguf", "")],
    1,
    /empty.gguf is not a GGUF file/,
    /./,
  ],
  [
    "a missing tool module",
    ["run", "q", "--tools", "./none.ts"],
    2,
    /none.ts does not exist/,
    /path/,
  ],
  [
    "a tool module with a mistake",
    ["run", "q", "--tools", file("broken.mjs", "export default {")],
    1,
    /broken.mjs can't be loaded: /,
    /node /,
  ],
  [
    "a tool module without a tool",
    ["run", "q", "--tools", file("nothing.mjs", "export const x = 1;")],
    1,
    /nothing.mjs is no object/,
    /README/,
  ],
  [
    "a tool with an invalid schema",
    ["run", "q", "--tools", file("schema.mjs", tool('{ type: "objekt" }'))],
    1,
    /tool t are not a valid JSON Schema/,
    /schema/,
  ],
  [
    "a program that is no tool",
    ["run", "q", "--tools", file("program", "#!/bin/sh\necho hello\n")],
    1,
    /program --schema did not print JSON|did not print JSON/,
    /--schema/,
  ],
  ["an empty prompt", ["run", ""], 2, /the prompt is empty/, /kimi run "/],
  ["a prompt of spaces", ["run", "  "], 2, /the prompt is empty/, /kimi run "/],
  ["no prompt", ["run", "--no-stdin"], 2, /there is no prompt/, /kimi run "/],
  ["an empty standard input", ["run"], 2, /standard input is empty/, /kimi run "/],
  [
    "a base URL that is none",
    ["run", "q", "--base-url", "localhost:8000"],
    2,
    /"localhost:8000" is not an http/,
    /http:\/\//,
  ],
  [
    "a key with a line break",
    ["run", "q", "--api-key", "sk-1\n2"],
    3,
    /--api-key: the key has a line break/,
    /./,
  ],
  [
    "a number that is none",
    ["run", "q", "--temperature", "warm"],
    2,
    /"warm" is not a number/,
    /temperature/,
  ],
  ["a number out of range", ["run", "q", "--top-p", "1.5"], 2, /from 0 to 1/, /top-p/],
  [
    "an unknown protocol",
    ["run", "q", "--protocol", "grpc"],
    2,
    /"grpc" is none of chat, completions, anthropic/,
    /protocol/,
  ],
  [
    "a vocabulary that is none",
    ["format", "tokens", "--tokenizer", file("words.model", "hello world")],
    1,
    /line 1 is not a token/,
    /tiktoken/,
  ],
  [
    "an id that does not exist",
    ["format", "tokens", "--decode", "--tokenizer", nanoModel],
    2,
    /99999 is no id/,
    /\[1, 2, 3\]/,
  ],
  ["a request that is no JSON", ["format", "prompt"], 2, /the request is not JSON/, /JSON/],
  [
    "an unknown setting",
    ["config", "set", "temprature", "1"],
    3,
    /no setting temprature/,
    /Did you mean temperature/,
  ],
];

describe.each(cases)("%s", (what, args, exitCode, message, hint) => {
  test(`exits ${exitCode} with one line and one hint`, async () => {
    const stdin = what.startsWith("an id") ? "[99999]" : what.startsWith("a request") ? "{" : "";
    const { stdout, stderr, code } = await kimi(args, { stdin });
    const lines = stderr.split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(message);
    expect(lines[0]).toMatch(/^kimi: /);
    expect(lines[1]).toMatch(/^hint: /);
    expect(lines[1]).toMatch(hint);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([stdout, code]).toEqual(["", exitCode]);
  });
});

test("a key from the environment with a line break is named without being shown", async () => {
  const { stderr, code } = await kimi(["run", "q", "--base-url", "http://127.0.0.1:1/v1"], {
    env: { KIMI_API_KEY: "sk-secret\nx" },
  });
  expect(code).toBe(3);
  expect(stderr).toMatch(/^kimi: KIMI_API_KEY: the key has a line break/);
  expect(stderr).not.toContain("secret");
});

test("an error in a run is in the JSON result too", async () => {
  const { stdout, code } = await kimi(["run", "q", "--tools", "wether", "--output", "stream-json"]);
  expect(jsonLines(stdout)).toEqual([
    expect.objectContaining({
      type: "result",
      status: "error",
      exitCode: 2,
      error: {
        code: "unknown-tool",
        message: "there is no tool wether",
        hint: "Did you mean weather?",
      },
    }),
  ]);
  expect(code).toBe(2);
});

test("--debug adds where an error comes from", async () => {
  const { stderr } = await kimi(["run", "q", "--tools", "wether", "--debug"]);
  expect(stderr).toMatch(/^\s+at /m);
});

test("a Node that is too old is told so, in syntax that it reads", () => {
  const source = readFileSync(join(import.meta.dirname, "..", "..", "bin", "kimi.js"), "utf8");
  expect(source).not.toMatch(/^import .* from|\?\.|\?\?|\bawait\b/m);
  expect(source).toContain("is too old: 22.12 or newer is needed");
});
