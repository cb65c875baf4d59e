import { expect, test } from "vitest";
import { kimiDialect } from "../../../../src/engine/kimi/kimi-dialect.ts";
import type { TextEvent } from "../../../../src/engine/text-engine.ts";
import { userText } from "../../../../src/message.ts";
import { collect, said } from "../../../support/events.ts";

const finish: TextEvent = {
  type: "finish",
  reason: "stop",
  usage: { inputTokens: 1, outputTokens: 1 },
};

async function read(...output: readonly TextEvent[]) {
  const written = kimiDialect.write({ messages: [userText("hi")], tools: [] });
  return collect(
    written.read(
      (async function* () {
        yield* output;
        yield finish;
      })(),
    ),
  );
}

const spelled = "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}<|tool_call_end|>";

test("a marker that a model spells in its text stays text where control tokens come by their ids", async () => {
  const events = await read({ type: "text", text: spelled });
  expect(said(events)).toMatchObject({ text: spelled, calls: [] });
  expect(events.at(-1)).toMatchObject({ reason: "stop" });
});

test("in a raw text it is a marker", async () => {
  expect(said(await read({ type: "raw-text", text: spelled })).calls).toHaveLength(1);
});

test("progress passes through", async () => {
  const progress: TextEvent = { type: "progress", phase: "prefill", done: 1, total: 2 };
  expect((await read(progress))[0]).toEqual(progress);
});

test("a reply stops at K2's tokens", () => {
  expect(kimiDialect.write({ messages: [], tools: [] }).stop).toEqual([
    "<|im_end|>",
    "[EOS]",
    "[EOT]",
  ]);
});
