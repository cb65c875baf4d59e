import * as fc from "../../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { CallCounter } from "../../../../src/engine/kimi/call-ids.ts";
import { MarkerScanner } from "../../../../src/engine/kimi/marker-scanner.ts";
import { OutputParser } from "../../../../src/engine/kimi/output-parser.ts";
import type { PromptPiece } from "../../../../src/engine/text-engine.ts";
import { readArguments, type ToolSpec } from "../../../../src/message.ts";
import { said } from "../../../support/events.ts";
import { readGolden } from "../../../support/golden.ts";

interface GoldenOutput {
  readonly name: string;
  readonly output: string;
  readonly content: string;
  readonly calls: readonly {
    readonly name: string;
    readonly arguments?: object;
    readonly error?: true;
  }[];
}

const golden = readGolden<GoldenOutput[]>("outputs.json");

function parsePieces(pieces: readonly PromptPiece[], tools: readonly ToolSpec[] = []) {
  const parser = new OutputParser({ tools, counter: new CallCounter([]) });
  const events = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end("stop")];
  return said(events);
}

/** As a raw completions endpoint sends it, in these chunks. */
function parseText(chunks: readonly string[], tools: readonly ToolSpec[] = []) {
  const scanner = new MarkerScanner();
  return parsePieces([...chunks.flatMap((chunk) => scanner.push(chunk)), ...scanner.end()], tools);
}

function check(result: ReturnType<typeof parseText>, expected: GoldenOutput): void {
  const calls = result.calls.map(({ name, arguments: text, error }) => {
    const read = readArguments(text);
    return error !== undefined || "error" in read
      ? { name, error: true }
      : { name, arguments: read.value };
  });
  expect({ content: result.text, calls }).toEqual({
    content: expected.content,
    calls: expected.calls,
  });
}

test("there are 20 reference outputs", () => {
  expect(golden).toHaveLength(20);
});

describe.each(golden)("$name", (expected) => {
  const { output } = expected;

  test("is read at every place to cut it in two, and cut into single characters", () => {
    for (let at = 0; at <= output.length; at++)
      check(parseText([output.slice(0, at), output.slice(at)]), expected);
    check(parseText([...output]), expected);
  });

  test("is read at any chunking", () => {
    const cuts = fc
      .uniqueArray(fc.nat(output.length))
      .map((list) => list.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(cuts, (places) => {
        const bounds = [0, ...places, output.length];
        check(parseText(bounds.slice(1).map((end, i) => output.slice(bounds[i], end))), expected);
      }),
    );
  });

  test("is read alike when control tokens come by their ids", () => {
    const pieces = output
      .split(
        /(<\|(?:tool_calls?_section_begin|tool_calls?_section_end|tool_call_begin|tool_call_argument_begin|tool_call_end)\|>)/,
      )
      .map((part, index): PromptPiece =>
        index % 2 === 0
          ? { type: "text", text: part }
          : { type: "control", token: part.replace("tool_call_section", "tool_calls_section") },
      );
    check(parsePieces(pieces), expected);
  });
});

const one = (header: string, args = '{"city": "Rome"}'): string =>
  `<|tool_call_begin|>${header}<|tool_call_argument_begin|>${args}<|tool_call_end|>`;

const tool = (name: string, properties: string[], required: string[]): ToolSpec => ({
  name,
  description: "",
  parameters: {
    type: "object",
    properties: Object.fromEntries(properties.map((key) => [key, {}])),
    required,
  },
});

const tools = [
  tool("get_weather", ["city"], ["city"]),
  tool("calculate", ["expression"], ["expression"]),
];

test.each([
  ["functions.get_weather:0", "get_weather"],
  [" functions.get_weather : 12 ", "get_weather"],
  ["get_weather:3", "get_weather"],
  ["get_weather", "get_weather"],
  ["functions.get_weather", "get_weather"],
  ["functions_get_weather_0", "get_weather"],
  ["0", "get_weather"],
])("the header %j names %s", (header, name) => {
  expect(parseText([one(header)], tools).calls).toMatchObject([
    { name, id: `functions.${name}:0` },
  ]);
});

test("a bare number that fits no tool, or several, is reported and not guessed", () => {
  expect(parseText([one("7", '{"x": 1}')], tools).calls[0]?.error).toContain('"7"');
  expect(parseText([one("7", "{}")], []).calls[0]?.error).toBeDefined();
});

test("arguments without their marker are found at the brace", () => {
  const output = '<|tool_call_begin|>functions.get_weather:0{"city": "Rome"}<|tool_call_end|>';
  expect(parseText([output]).calls).toMatchObject([
    { name: "get_weather", arguments: '{"city": "Rome"}' },
  ]);
});

test("a call inside thinking ends the thinking and is a call", () => {
  const result = parseText([
    `<think>I should look.<|tool_calls_section_begin|>${one("functions.get_weather:0")}<|tool_calls_section_end|>`,
  ]);
  expect(result).toMatchObject({
    thinking: "I should look.",
    text: "",
    calls: [{ name: "get_weather" }],
  });
});

test("thinking and answer are told apart", () => {
  expect(parseText(["<think>hm</think>Yes."])).toMatchObject({ thinking: "hm", text: "Yes." });
});

test("a text about think tags keeps them", () => {
  expect(parseText(["Write <think>x</think> there."]).text).toBe("Write <think>x</think> there.");
});

test("text between and after calls is not content", () => {
  const result = parseText([
    `Hi.<|tool_calls_section_begin|>${one("functions.a:0")}<|tool_calls_section_end|>user`,
  ]);
  expect(result).toMatchObject({ text: "Hi.", calls: [{ name: "a" }] });
});

test("what follows the end of the reply is ignored", () => {
  expect(parseText(["Yes.<|im_end|><|im_user|>user"])).toMatchObject({ text: "Yes.", calls: [] });
});

test("a header that the end of the output cut off is reported and not run", () => {
  expect(parseText(["<|tool_call_begin|>functions.rm_all"]).calls).toMatchObject([
    { name: "unknown", error: expect.stringContaining("functions.rm_all") as string },
  ]);
  expect(parseText(["<|tool_call_begin|>functions.now:0"]).calls).toMatchObject([
    { name: "now", arguments: "{}" },
  ]);
});

test("a new call closes an open one", () => {
  const open = "<|tool_call_begin|>functions.a:0<|tool_call_argument_begin|>{}";
  expect(parseText([open + open]).calls.map(({ id }) => id)).toEqual([
    "functions.a:0",
    "functions.a:1",
  ]);
});

test("a call that a token limit cut off is dropped, one before it is kept", () => {
  const parser = new OutputParser({ tools: [], counter: new CallCounter([]) });
  const scanner = new MarkerScanner();
  const output = `${one("functions.a:0")}<|tool_call_begin|>functions.b:1<|tool_call_argument_begin|>{"x": `;
  const events = [...scanner.push(output), ...scanner.end()].flatMap((piece) => parser.push(piece));
  expect(said([...events, ...parser.end("length")]).calls.map(({ name }) => name)).toEqual(["a"]);
});

test("no marker ever shows, and no text is lost, whatever the order of markers and texts", () => {
  const markers = [
    "<|tool_calls_section_begin|>",
    "<|tool_calls_section_end|>",
    "<|tool_call_section_begin|>",
    "<|tool_call_begin|>",
    "<|tool_call_argument_begin|>",
    "<|tool_call_end|>",
    "</think>",
  ];
  const parts = fc.array(
    fc.oneof(fc.constantFrom(...markers), fc.constantFrom("text", " ", "{}", "f:0")),
  );
  fc.assert(
    fc.property(parts, fc.nat(), (list, cut) => {
      const output = list.join("");
      const at = cut % (output.length + 1);
      const whole = parseText([output]);
      expect(parseText([output.slice(0, at), output.slice(at)])).toEqual(whole);
      expect(whole.text + whole.thinking).not.toMatch(/<\|tool_call|<\/think>/);
      if (!list.some((part) => markers.includes(part)))
        expect(whole.text).toBe(output.trim() === "" ? "" : output);
    }),
    { numRuns: 500 },
  );
});
