import { expect, test } from "vitest";
import { describeTemplate } from "../../../src/checkpoint/describe-template.ts";

const sections = "<|im_middle|><|tool_calls_section_begin|>";

test.each([
  ["{{ bos }} [INST]", "not one of Kimi's"],
  [`${sections} tools_ts_str`, "Kimi K2.5 or later"],
  [
    `${sections} </think> {{ tools | tojson(separators=(',', ':')) }}`,
    "Kimi-K2-Thinking, current revision",
  ],
  [
    `${sections} {{ tools | tojson(separators=(',', ':')) }}`,
    "Kimi-K2-Instruct or -0905, current revision",
  ],
  [`${sections} You are a helpful assistant`, "Kimi K2, like the first revision (July 2025)"],
  ["<|im_middle|>", "Kimi without tool calls"],
])("a template is known by what it does: %s", (template, revision) => {
  expect(describeTemplate(template)).toMatchObject({ revision, isExact: false });
});

test("the first revision's faults are told", () => {
  const first = `${sections}You are a helpful assistant{{ tool_call['function']['arguments'] | tojson}}{{loop.index0}}## Return of {{ message.tool_call_id }}\\n`;
  expect(describeTemplate(first).faults).toEqual([
    'the default system prompt is "You are a helpful assistant"',
    "arguments of calls are encoded twice",
    "a backslash and an n stand where results have a line feed",
    "ids of calls start at 0 again in each turn",
    "declarations of tools have spaces that training had not",
  ]);
});
