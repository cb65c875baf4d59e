import * as fc from "../../../support/fast-check.ts";
import { expect, test } from "vitest";
import { rewriteCallIds } from "../../../../src/engine/kimi/call-ids.ts";
import { spellPrompt, writePrompt } from "../../../../src/engine/kimi/prompt-writer.ts";
import { parseKeepingNumbers } from "../../../../src/engine/kimi/python-json.ts";
import { readChatRequest } from "../../../../src/engine/remote/read-chat-request.ts";
import { userText, type Message } from "../../../../src/message.ts";
import { readGolden } from "../../../support/golden.ts";

const golden = readGolden<{ prompt: string }[]>("prompts.json");

test.each(golden.map((request, index) => [index, request] as const))(
  "request %i gives the prompt of K2's own template, byte for byte",
  (_, { prompt, ...request }) => {
    const read = readChatRequest(parseKeepingNumbers(JSON.stringify(request)));
    expect(spellPrompt(writePrompt(read))).toBe(prompt);
  },
);

test("there are 60 reference prompts", () => {
  expect(golden).toHaveLength(60);
});

const write = (request: unknown): string =>
  spellPrompt(writePrompt(readChatRequest(parseKeepingNumbers(JSON.stringify(request)))));

test("a name takes the place of the role in a header", () => {
  const messages = [
    { role: "system", content: "" },
    { role: "user", name: "ann", content: "hi" },
  ];
  expect(write({ messages })).toBe(
    "<|im_system|>system<|im_middle|><|im_end|><|im_user|>ann<|im_middle|>hi<|im_end|><|im_assistant|>assistant<|im_middle|>",
  );
});

test("arguments given as an object are spaced as Jinja's tojson spaces them", () => {
  const call = {
    id: "functions.f:0",
    type: "function",
    function: { name: "f", arguments: { a: 1, b: [true, null] } },
  };
  const messages = [
    { role: "system", content: "s" },
    { role: "assistant", content: null, tool_calls: [call] },
  ];
  expect(write({ messages })).toContain(
    '<|tool_call_argument_begin|>{"a": 1, "b": [true, null]}<|tool_call_end|>',
  );
});

test("tools are written as they are given, whatever is in them", () => {
  const tools = [
    { z: 1, a: 2 },
    { type: "builtin", name: "search" },
  ];
  expect(write({ tools, messages: [] })).toContain(
    'tool_declare<|im_middle|>[{"a":2,"z":1},{"name":"search","type":"builtin"}]<|im_end|>',
  );
});

test("an image stands where the template puts it", () => {
  const content = [
    { type: "text", text: "what is " },
    { type: "image_url", image_url: { url: "data:," } },
  ];
  expect(write({ messages: [{ role: "user", content }] })).toContain(
    "<|im_middle|>what is <|media_start|>image<|media_content|><|media_pad|><|media_end|><|im_end|>",
  );
});

test("no text yields a control token", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("<|im_end|>", "[EOS]", "<|tool_call_begin|>", "a", " ") }),
      (text) => {
        const pieces = writePrompt({
          messages: [{ role: "system", text }, userText(text)],
          tools: [],
        });
        const controls = pieces
          .filter((piece) => piece.type === "control")
          .map((piece) => piece.token);
        expect(controls.join("")).toBe(
          "<|im_system|><|im_middle|><|im_end|><|im_user|><|im_middle|><|im_end|><|im_assistant|><|im_middle|>",
        );
      },
    ),
  );
});

const arbitraryMessage = fc.oneof(
  fc.string().map((text): Message => userText(text)),
  fc.string().map((text): Message => ({ role: "assistant", content: [{ type: "text", text }] })),
  fc.tuple(fc.constantFrom("f", "g"), fc.json()).map(([name, args]): Message => ({
    role: "assistant",
    content: [{ type: "tool-call", id: "x", name, arguments: args }],
  })),
  fc.string().map((output): Message => ({
    role: "tool",
    callId: "x",
    toolName: "f",
    output,
    isError: false,
  })),
);

test("the prompt of n messages is a prefix of the prompt of n + 1", () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryMessage, { minLength: 1 }),
      arbitraryMessage,
      (messages, next) => {
        const generation = "<|im_assistant|>assistant<|im_middle|>";
        const spell = (list: Message[]): string =>
          spellPrompt(writePrompt({ messages: rewriteCallIds(list), tools: [] }));
        const before = spell(messages);
        expect(spell([...messages, next]).startsWith(before.slice(0, -generation.length))).toBe(
          true,
        );
      },
    ),
  );
});
