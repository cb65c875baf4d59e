import { expect, test } from "vitest";
import { jsonLines, kimi } from "../support/kimi.ts";
import { fixture, nanoModel, readGolden } from "../support/golden.ts";

const prompts = readGolden<{ prompt: string }[]>("prompts.json");
const outputs =
  readGolden<{ output: string; content: string; calls: { name: string; error?: true }[] }[]>(
    "outputs.json",
  );
const tokens = readGolden<{ text: string; ids: number[] }[]>("tokens.json");

const lines = (values: readonly unknown[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("");

test("prompt writes the exact prompt and nothing more", async () => {
  const { prompt, ...request } = prompts[0] as { prompt: string };
  expect(await kimi(["format", "prompt"], { stdin: JSON.stringify(request) })).toEqual({
    stdout: prompt,
    stderr: "",
    code: 0,
  });
});

test("prompt --lines writes one line for each, in order", async () => {
  const { stdout, code } = await kimi(["format", "prompt", "--lines"], {
    stdin: lines(prompts.map(({ prompt: _, ...request }) => request)),
  });
  expect(jsonLines(stdout)).toEqual(prompts.map(({ prompt }) => ({ prompt })));
  expect(code).toBe(0);
});

test("parse writes a chat completion's message", async () => {
  const output = `Let me check.\n<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Beijing"}<|tool_call_end|><|tool_calls_section_end|>`;
  const { stdout } = await kimi(["format", "parse"], { stdin: output });
  expect(JSON.parse(stdout)).toEqual({
    content: "Let me check.",
    reasoning_content: null,
    tool_calls: [
      {
        id: "functions.get_weather:0",
        type: "function",
        function: { name: "get_weather", arguments: '{"city": "Beijing"}' },
      },
    ],
    finish_reason: "tool_calls",
  });
});

test("parse --lines gives the reference results, with an error beside the function of a call that can't be used", async () => {
  const { stdout } = await kimi(["format", "parse", "--lines"], {
    stdin: lines(outputs.map(({ output }) => ({ output }))),
  });
  const parsed = jsonLines(stdout) as unknown as {
    content: string;
    tool_calls: { function: { name: string }; error?: string }[];
  }[];
  expect(parsed).toHaveLength(outputs.length);
  for (const [index, { content, calls }] of outputs.entries()) {
    expect(parsed[index]?.content).toBe(content);
    expect(
      parsed[index]?.tool_calls.map((call) => [call.function.name, call.error !== undefined]),
    ).toEqual(calls.map(({ name, error }) => [name, error === true]));
  }
});

test("parse --lines takes the tools that a bare index is looked up in", async () => {
  const output =
    '<|tool_call_begin|>0<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_end|>';
  const spec = {
    name: "get_weather",
    parameters: { type: "object", properties: { city: {} }, required: ["city"] },
  };
  const { stdout } = await kimi(["format", "parse", "--lines"], {
    stdin: lines([{ output, tools: [{ type: "function", function: spec }] }, { output }]),
  });
  expect(jsonLines(stdout)).toMatchObject([
    { tool_calls: [{ function: { name: "get_weather" } }] },
    {
      tool_calls: [
        {
          function: { name: "unknown" },
          error: expect.stringContaining("no function name") as string,
        },
      ],
    },
  ]);
});

test.each([
  ["the embedded vocabulary", []],
  ["a model's", ["--model", nanoModel]],
  ["a checkpoint's", ["--tokenizer", fixture("nano")]],
])("tokens with %s, both ways, as lines", async (_, more) => {
  const there = await kimi(["format", "tokens", "--lines", ...more], {
    stdin: lines(tokens.map(({ text }) => ({ text }))),
  });
  expect(jsonLines(there.stdout)).toEqual(tokens.map(({ ids }) => ({ ids })));
  const back = await kimi(["format", "tokens", "--lines", ...more], {
    stdin: lines(tokens.map(({ ids }) => ({ ids }))),
  });
  expect(jsonLines(back.stdout)).toEqual(tokens.map(({ text }) => ({ text })));
});

test("tokens of a text and back, byte for byte", async () => {
  const text = "def f(x):\n    return 北京 😀 <|im_end|>\n";
  const ids = (await kimi(["format", "tokens"], { stdin: text })).stdout;
  expect(JSON.parse(ids)).not.toContain(3842);
  expect((await kimi(["format", "tokens", "--decode"], { stdin: ids })).stdout).toBe(text);
  expect((await kimi(["format", "tokens", "--decode"], { stdin: "3842 72" })).stdout).toBe(
    "<|im_end|>H",
  );
});

test("a bad line among good ones gives an error in its place, and exit code 1", async () => {
  const { stdout, code } = await kimi(["format", "tokens", "--lines"], {
    stdin: '{"text":"a"}\nnot json\n{"ids":[97]}\n{"x":1}',
  });
  expect(jsonLines(stdout)).toMatchObject([
    { ids: [97] },
    { error: expect.any(String) as string },
    { text: "a" },
    { error: "there is neither text nor ids" },
  ]);
  expect(code).toBe(1);
});

test("lines are answered while the input is still open", async () => {
  const { startKimi } = await import("../support/kimi.ts");
  const { spawn } = await import("node:child_process");
  const { program, environment } = await import("../support/kimi.ts");
  expect(startKimi).toBeTypeOf("function");
  const child = spawn(process.execPath, [program, "format", "parse", "--lines"], {
    env: environment(),
  });
  const first = new Promise<string>((resolve) =>
    child.stdout.setEncoding("utf8").once("data", resolve),
  );
  child.stdin.write('{"output": "Hi."}\n');
  expect(JSON.parse(await first)).toMatchObject({ content: "Hi." });
  child.stdin.end();
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
});
