import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { startChat, testTool } from "../../support/chat-controller.ts";
import { calls, text } from "../../support/scripted-engine.ts";
import { someConversation } from "../../support/some-conversation.ts";
import { applyCompaction } from "../../../src/agent/compaction.ts";
import { textOf, userText } from "../../../src/message.ts";
import type { Print } from "../../../src/ui/chat-state.ts";
import { printsOf } from "../../../src/ui/replay.ts";

/** As it is seen, without what messages do not tell: how long a call took, its summary. */
function seen(prints: readonly Print[]): object[] {
  return prints.map((print) =>
    print.type === "tool" ? { ...print, durationMs: undefined, summary: "" } : print,
  );
}

test("an earlier conversation is printed as it was then", async () => {
  const first = calls(["look", '{"n": 1}'], ["listen", "{}"]);
  const tested = startChat({
    steps: [[{ type: "text-delta", text: "Let me see." }, ...first], text("Seen."), text("Bye.")],
    tools: [
      testTool("look"),
      testTool("listen", "read", async () => {
        throw new Error("deaf");
      }),
    ],
  });
  for (const said of ["go", "bye"]) {
    tested.say(said);
    await tested.idle();
  }
  tested.lines();
  const replayed = printsOf(tested.chat.session.transcript);
  expect(seen(replayed)).toEqual(seen(tested.printed));
  expect(replayed).toContainEqual(expect.objectContaining({ type: "tool", summary: "look 1" }));
});

test("text on both sides of a call is two pieces, as it was", () => {
  const prints = printsOf([
    {
      role: "assistant",
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
        { type: "tool-call", id: "1", name: "t", arguments: "{}" },
        { type: "thinking", text: "hm" },
        { type: "text", text: "c" },
      ],
    },
  ]);
  expect(prints).toEqual([
    { type: "text", text: "ab" },
    { type: "text-end" },
    { type: "text", text: "c" },
    { type: "text-end" },
  ]);
});

test("what was attached, the system prompt and a summary are not shown", () => {
  const said = { type: "text", text: "see @a" } as const;
  const attached = { type: "text", text: "\n\n<file>" } as const;
  const image = { type: "image", url: "data:," } as const;
  const [, summary] = applyCompaction([{ role: "system", text: "s" }], {
    kept: 0,
    summary: "short",
    pruned: [],
  });
  expect(
    printsOf([
      { role: "system", text: "be brief" },
      { role: "user", content: [said, attached, image] },
      { role: "user", content: [image] },
      summary ?? userText(""),
    ]),
  ).toEqual([
    { type: "user", text: "see @a", isSteering: false },
    { type: "user", text: "", isSteering: false },
  ]);
});

test("calls that have the same id after a compaction keep their own names", () => {
  const step = (name: string) =>
    [
      { role: "assistant", content: [{ type: "tool-call", id: "x:0", name, arguments: "{}" }] },
      { role: "tool", callId: "x:0", toolName: name, output: "1", isError: false },
    ] as const;
  const summaries = printsOf([...step("one"), ...step("two")]).map(
    (print) => print.type === "tool" && print.summary,
  );
  expect(summaries).toEqual(["one", "two"]);
});

test("everything that was said is printed, in order", () => {
  fc.assert(
    fc.property(someConversation, (messages) => {
      const shown = printsOf(messages).flatMap((print) => {
        if (print.type === "user" || print.type === "text") return [print.text];
        return print.type === "tool" && print.display.type === "text" ? [print.display.text] : [];
      });
      const said = messages.map(textOf).filter((text) => text !== "");
      expect(shown.join("|")).toBe(said.join("|"));
    }),
  );
});
