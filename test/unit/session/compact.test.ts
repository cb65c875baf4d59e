import * as fc from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import {
  applyCompaction,
  isSummary,
  type Compaction,
  type CompactionState,
} from "../../../src/agent/compaction.ts";
import type { AgentEvent } from "../../../src/agent/events.ts";
import { KimiError } from "../../../src/errors.ts";
import { textOf, userText, type Message } from "../../../src/message.ts";
import { compactConversation, tokensOf } from "../../../src/session/compact.ts";
import { answer, assistantCalls, assistantText, problemsOf } from "../../support/conversation.ts";
import { someConversation } from "../../support/some-conversation.ts";
import { ScriptedEngine, text, type Step } from "../../support/scripted-engine.ts";

const full = new KimiError("too long", { code: "context-full" });
const system: Message = { role: "system", text: "Be brief." };

interface Compacted {
  readonly compaction: Compaction | undefined;
  readonly events: readonly AgentEvent[];
  readonly engine: ScriptedEngine;
}

interface Setting {
  readonly contextWindow?: number;
  readonly isNeeded?: boolean;
  readonly measured?: CompactionState["measured"];
  readonly steps?: [Step, ...Step[]];
}

async function compact(
  messages: readonly Message[],
  {
    contextWindow = 1_000,
    isNeeded = false,
    measured,
    steps = [text("They spoke.")],
  }: Setting = {},
): Promise<Compacted> {
  const engine = new ScriptedEngine(...steps);
  engine.contextWindow = contextWindow;
  const { signal } = new AbortController();
  const run = compactConversation({ messages, measured, isNeeded, engine, signal });
  const events: AgentEvent[] = [];
  for (;;) {
    const { done, value } = await run.next();
    if (done) return { compaction: value, events, engine };
    events.push(value);
  }
}

const long = (characters: number): string => "x".repeat(characters);

/** A step of about this many tokens, most of it output. */
const step = (id: string, tokens: number): readonly Message[] => [
  assistantCalls(id),
  answer(id, long(tokens * 3.5)),
];

/** A conversation of said things alone, of about this many tokens. */
const talk = (tokens: number, turns = 10): readonly Message[] =>
  Array.from({ length: turns }, (_, index) =>
    index % 2 === 0
      ? userText(`${index} ${long((tokens / turns) * 3.5)}`)
      : assistantText(`${index} ${long((tokens / turns) * 3.5)}`),
  );

test("nothing is done and nobody is asked while there is room", async () => {
  const { compaction, events, engine } = await compact([system, ...talk(600)]);
  expect([compaction, events, engine.requests]).toEqual([undefined, [], []]);
});

test("what the server counted goes before what we guess", async () => {
  const messages = [system, ...talk(300)];
  const measured = { usage: { inputTokens: 800, outputTokens: 10 }, count: messages.length };
  const { compaction } = await compact(messages, { measured });
  expect(compaction?.summary).toBeDefined();
});

test("an unknown context is never full until the engine says so", async () => {
  const messages = [system, ...talk(100_000)];
  expect((await compact(messages, { contextWindow: 0 })).compaction).toBeUndefined();
  const { compaction } = await compact(messages, { contextWindow: 0, isNeeded: true });
  expect(compaction?.summary).toBe("They spoke.");
  expect(compaction?.kept).toBe(3);
});

test("old outputs of tools are left out first, without asking the model", async () => {
  const messages = [
    userText("go"),
    ...step("a", 300),
    ...step("b", 300),
    assistantText("so"),
    userText("on"),
    ...step("c", 200),
  ];
  const { compaction, events, engine } = await compact(messages);
  expect([compaction, events, engine.requests]).toEqual([
    { kept: messages.length, pruned: ["a", "b"] },
    [],
    [],
  ]);
  const after = applyCompaction(messages, compaction as Compaction);
  expect(after.map(textOf)).toEqual([
    "go",
    "",
    "[output of 1050 characters left out]",
    "",
    "[output of 1050 characters left out]",
    "so",
    "on",
    "",
    long(700),
  ]);
});

test("if that is not enough the model sums up all but the recent messages", async () => {
  const messages = [system, ...talk(900)];
  const { compaction, events, engine } = await compact(messages);
  expect(events).toEqual([{ type: "compaction-start", messages: 7 }]);
  expect(compaction).toEqual({
    kept: 3,
    summary: expect.stringContaining("They spoke.") as string,
    pruned: [],
  });
  const [request] = engine.requests;
  expect(request?.tools).toEqual([]);
  expect(request?.messages.slice(0, -1)).toEqual(messages.slice(0, 8));
  expect(textOf(request?.messages.at(-1) as Message)).toMatch(/^Summarize the conversation/);
  const after = applyCompaction(messages, compaction as Compaction);
  expect(after[0]).toEqual(system);
  expect(isSummary(after[1] as Message)).toBe(true);
  expect(after.slice(2)).toEqual(messages.slice(-3));
});

test("a step stays whole however long it is, and what was asked last is there in words", async () => {
  const calls = [
    assistantCalls("x", "y", "z"),
    ...["x", "y", "z"].map((id) => answer(id, long(600))),
  ];
  const messages = [
    ...talk(300, 5),
    userText("Find the bug in parse()."),
    assistantText("Let me see."),
    ...calls,
  ];
  const { compaction } = await compact(messages);
  expect(compaction).toEqual({
    kept: 4,
    summary: "They spoke.\n\nThe user's last request:\n\nFind the bug in parse().",
    pruned: [],
  });
});

test("the last request survives a second and a third compaction, once", async () => {
  let messages: readonly Message[] = [
    ...talk(600, 5),
    userText("Find the bug in parse()."),
    ...step("a", 300),
  ];
  for (const id of ["b", "c"]) {
    const { compaction } = await compact(messages, { steps: [text(long(300))] });
    messages = [
      ...applyCompaction(messages, compaction as Compaction),
      assistantText(long(1_300)),
      ...step(id, 300),
    ];
    expect(
      messages
        .map(textOf)
        .join()
        .match(/Find the bug/g),
    ).toHaveLength(1);
    expect(
      messages
        .map(textOf)
        .join()
        .match(/The user's last request/g),
    ).toHaveLength(1);
    expect(messages.filter(isSummary)).toHaveLength(1);
  }
});

test("a summary alone is not summed up again and again", async () => {
  const summary = { kept: 0, summary: long(2_500), pruned: [] };
  const messages = [...applyCompaction(talk(10), summary), ...step("a", 290)];
  const { compaction, engine } = await compact(messages);
  expect([compaction, engine.requests]).toEqual([undefined, []]);
});

test("what is still too much without all that went before is for the engine to judge", async () => {
  const messages = [...talk(200), ...step("a", 800)];
  const { compaction, engine } = await compact(messages);
  expect([compaction, engine.requests]).toEqual([undefined, []]);
});

test("an empty summary changes nothing", async () => {
  expect((await compact(talk(900), { steps: [text(" \n")] })).compaction).toBeUndefined();
});

describe("when the engine has refused", () => {
  test("room is made even where there should be enough", async () => {
    const { compaction } = await compact(talk(400), { isNeeded: true });
    expect(compaction?.summary).toBeDefined();
    expect(compaction?.kept).toBeLessThan(4);
  });

  test("the output of the last step is left out if it alone is too long", async () => {
    const messages = [userText("go"), ...step("a", 5_000)];
    const { compaction, engine } = await compact(messages, { isNeeded: true });
    expect(compaction).toEqual({ kept: 3, pruned: ["a"] });
    expect(engine.requests).toEqual([]);
  });

  test("a summary request that is itself refused is halved until it fits", async () => {
    const messages = talk(4_000, 20);
    const steps: [Step, ...Step[]] = [full, full, text("They spoke.")];
    const { compaction, engine } = await compact(messages, { isNeeded: true, steps });
    expect(compaction?.summary).toContain("They spoke.");
    const sizes = engine.requests.map((request) => request.messages.length - 1);
    const [first = 0, second = 0, third = 0] = sizes;
    expect(sizes).toHaveLength(3);
    expect(second).toBeLessThanOrEqual(first / 2);
    expect(third).toBeLessThanOrEqual(second / 2);
  });

  test("halving has an end", async () => {
    await expect(compact(talk(4_000, 100), { isNeeded: true, steps: [full] })).rejects.toBe(full);
    const other = new KimiError("down", { code: "unreachable" });
    await expect(compact(talk(4_000), { isNeeded: true, steps: [other] })).rejects.toBe(other);
  });
});

test("ids that come again after a compaction do not leave out a recent output", async () => {
  const messages = [
    userText("go"),
    ...step("a", 300),
    ...step("b", 300),
    assistantText("so"),
    userText("on"),
    ...step("a", 200),
  ];
  const { compaction } = await compact(messages);
  const after = applyCompaction(messages, compaction as Compaction);
  expect(after.at(-1)).toEqual(messages.at(-1));
});

test("whatever the conversation, it stays one that any server accepts, and the last request is in it", async () => {
  const setting = fc.record({
    contextWindow: fc.constantFrom(0, 100, 500, 2_000, 8_000),
    isNeeded: fc.boolean(),
    refusals: fc.nat(3),
  });
  await fc.assert(
    fc.asyncProperty(someConversation, setting, async (said, { refusals, ...rest }) => {
      const messages: readonly Message[] = [system, userText("go"), ...said];
      const [step, ...more]: Step[] = [
        ...Array.from({ length: refusals }, () => full),
        text("sum"),
      ];
      const steps: [Step, ...Step[]] = [step ?? full, ...more];
      let result: Compacted;
      try {
        result = await compact(messages, { ...rest, steps });
      } catch (thrown) {
        expect(thrown).toBe(full); // too few messages to halve
        return;
      }
      for (const request of result.engine.requests)
        expect(problemsOf(request.messages)).toEqual([]);
      const { compaction } = result;
      if (!compaction) return;
      const after = applyCompaction(messages, compaction);
      expect(problemsOf(after)).toEqual([]);
      expect(after[0]).toEqual(system);
      expect(tokensOf(after)).toBeLessThan(tokensOf(messages) + 100);
      const asked = textOf(messages.findLast(({ role }) => role === "user") as Message);
      expect(
        after.some(
          (message) => message.role === "user" && textOf(message).includes(asked.slice(0, 4_000)),
        ),
      ).toBe(true);
      if (compaction.summary !== undefined && compaction.pruned.length === 0)
        expect(after.slice(2)).toEqual(messages.slice(messages.length - compaction.kept));
    }),
    { numRuns: 500 },
  );
});
