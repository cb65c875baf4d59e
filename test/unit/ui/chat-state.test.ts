import { describe, expect, test } from "vitest";
import type { AgentEvent } from "../../../src/agent/events.ts";
import { userText } from "../../../src/message.ts";
import { reduce, type ChatAction, type ChatState, type Print } from "../../../src/ui/chat-state.ts";
import { afterEvents, call, eachEvent, printedCall, work, working } from "./chat-events.ts";

const after = (...actions: readonly ChatAction[]): ChatState => actions.reduce(reduce, working());
const printsAfter = (...events: readonly AgentEvent[]): readonly Print[] =>
  afterEvents(events).prints;
const textDelta = (text: string): AgentEvent => ({ type: "text-delta", text });
const thinkingDelta = (text: string): AgentEvent => ({ type: "thinking-delta", text });

describe("text and thinking", () => {
  test("pieces of text that nobody has printed are joined", () => {
    expect(printsAfter(textDelta("a"), textDelta("b"))).toEqual([{ type: "text", text: "ab" }]);
  });

  test("thinking is printed when the text begins, with how long it took", () => {
    expect(printsAfter(thinkingDelta("a"), thinkingDelta("b"), textDelta("c"))).toEqual([
      { type: "thinking", text: "ab", durationMs: 200 },
      { type: "text", text: "c" },
    ]);
  });

  test("thinking in the middle of an answer ends the text before it", () => {
    expect(printsAfter(textDelta("a"), thinkingDelta("b"), textDelta("c"))).toEqual([
      { type: "text", text: "a" },
      { type: "text-end" },
      { type: "thinking", text: "b", durationMs: 100 },
      { type: "text", text: "c" },
    ]);
  });

  test("thinking without text, as a signature comes, is none", () => {
    expect(afterEvents([textDelta("a"), thinkingDelta(""), textDelta("b")])).toMatchObject({
      thinking: undefined,
      prints: [{ type: "text", text: "ab" }],
    });
  });

  test("an answer ends with the reply", () => {
    expect(printsAfter(textDelta("a"), eachEvent.finish)).toEqual([
      { type: "text", text: "a" },
      { type: "text-end" },
    ]);
  });

  test("an answer ends where a call begins", () => {
    expect(printsAfter(textDelta("a"), eachEvent["tool-call-delta"]).at(-1)).toEqual({
      type: "text-end",
    });
  });

  test("an interrupted answer ends before it is said that it was interrupted", () => {
    const reply: AgentEvent = {
      type: "message",
      message: { role: "assistant", content: [{ type: "text", text: "a" }] },
    };
    const interrupted: AgentEvent = { type: "end", reason: "interrupted" };
    expect(printsAfter(textDelta("a"), reply, interrupted).map(({ type }) => type)).toEqual([
      "text",
      "text-end",
      "notice",
    ]);
    expect(printsAfter(textDelta("a"), interrupted).map(({ type }) => type)).toEqual([
      "text",
      "text-end",
      "notice",
    ]);
  });

  test("thinking that was interrupted is printed", () => {
    const interrupted: AgentEvent = { type: "end", reason: "interrupted" };
    expect(printsAfter(thinkingDelta("a"), interrupted)).toMatchObject([
      { type: "thinking", text: "a" },
      { type: "notice" },
    ]);
  });

  test("an answer that an error cut short ends before the error", () => {
    const state = reduce(afterEvents([textDelta("a")]), {
      type: "run-end",
      error: { message: "gone", hint: "Try again." },
    });
    expect(state.prints).toEqual([
      { type: "text", text: "a" },
      { type: "text-end" },
      { type: "notice", level: "error", text: "gone\nhint: Try again." },
    ]);
  });
});

describe("calls", () => {
  const other = { type: "tool-start", callId: "d", summary: "other" } as const;

  test("a call is printed with its outcome when its answer joins the conversation", () => {
    const events = [eachEvent["tool-start"], eachEvent["tool-end"], eachEvent.message];
    expect(afterEvents(events)).toMatchObject({ calls: [], prints: [printedCall({})] });
  });

  test("a call that has ended stays to be seen until its answer joins", () => {
    const { calls, prints } = afterEvents([eachEvent["tool-start"], eachEvent["tool-end"]]);
    expect(calls).toEqual([call({ ended: { outcome: "ok", durationMs: 7 } })]);
    expect(prints).toEqual([]);
  });

  test("what a call shows goes before what it tells the model", () => {
    const display = { type: "diff", path: "a", diff: "+b", added: 1, removed: 0 } as const;
    const end = { ...eachEvent["tool-end"], display };
    expect(printsAfter(eachEvent["tool-start"], end, eachEvent.message)).toEqual([
      printedCall({ display }),
    ]);
  });

  test("an answer to a call that nobody saw start is printed all the same", () => {
    const message = {
      role: "tool",
      callId: "x",
      toolName: "t",
      output: "no",
      isError: true,
    } as const;
    expect(printsAfter({ type: "message", message })).toEqual([
      printedCall({
        name: "t",
        summary: "t",
        outcome: "error",
        durationMs: undefined,
        display: { type: "text", text: "no" },
      }),
    ]);
  });

  test("output goes to its own call, of which the end is kept", () => {
    const long = { type: "tool-output", callId: "c", text: `${"x".repeat(3_000)}end` } as const;
    const { calls } = afterEvents([eachEvent["tool-start"], other, long]);
    expect(calls.map(({ output }) => [output.length, output.slice(-3)])).toEqual([
      [2_000, "end"],
      [0, ""],
    ]);
  });

  test("a call with the id of an earlier one takes its place", () => {
    const { calls } = afterEvents([eachEvent["tool-start"], other, eachEvent["tool-start"]]);
    expect(calls.map(({ id }) => id)).toEqual(["d", "c"]);
  });

  test("what is being written of a call is counted anew for each call", () => {
    const delta = (name: string): AgentEvent => ({
      type: "tool-call-delta",
      id: "",
      name,
      text: "xxx",
    });
    expect(afterEvents([delta("a"), delta("a")]).working?.writing?.characters).toBe(6);
    expect(afterEvents([delta("a"), delta("b")]).working?.writing?.characters).toBe(3);
    expect(afterEvents([delta("a"), eachEvent["tool-call"]]).working?.writing).toBeUndefined();
  });
});

describe("progress and usage", () => {
  test("progress ends with the first token", () => {
    expect(afterEvents([eachEvent.progress, textDelta("a")]).working?.progress).toBeUndefined();
  });

  test("another try is printed as a warning, and is no bar", () => {
    const retry = { phase: "retry", done: 2, total: 3, detail: "overloaded, waiting 2 s" } as const;
    const state = afterEvents([{ type: "progress", ...retry }]);
    expect(state.working?.progress).toBeUndefined();
    expect(state.prints).toEqual([
      { type: "notice", level: "warning", text: "overloaded, waiting 2 s (2 of 3)" },
    ]);
  });

  test("tokens add up over requests, and the context is that of the last", () => {
    const usage = { inputTokens: 20, outputTokens: 1, cachedTokens: 15 };
    const state = afterEvents([eachEvent.finish, { ...eachEvent.finish, usage }]);
    expect(state.usage).toEqual({ inputTokens: 30, outputTokens: 6, cachedTokens: 15 });
    expect(state.contextTokens).toBe(21);
  });

  test("speed is of the time since the first token", () => {
    const state = afterEvents([textDelta("a"), textDelta("b"), eachEvent.finish]);
    expect(state.tokensPerSecond).toBeCloseTo(5 / 0.2);
  });

  test("a reply that came at once leaves the speed as it was", () => {
    expect(afterEvents([eachEvent.finish]).tokensPerSecond).toBeUndefined();
  });

  test("a turn starts counting again, and goes on with the run's time", () => {
    const state = afterEvents([textDelta("a"), eachEvent["turn-start"]]);
    expect(state.working).toEqual(work({}));
  });
});

describe("the end of a run", () => {
  test.each([
    ["done", 0],
    ["length", 1],
    ["filtered", 1],
    ["turn-limit", 1],
    ["loop", 1],
    ["interrupted", 1],
  ] as const)("%s is told as it needs to be", (reason, notices) => {
    expect(printsAfter({ type: "end", reason })).toHaveLength(notices);
  });

  test("leaves nothing of the run", () => {
    const question = {
      callId: "c",
      toolName: "t",
      effect: "write",
      summary: "s",
      rule: "t",
    } as const;
    const busy = reduce(afterEvents([thinkingDelta("a"), eachEvent["tool-start"]]), {
      type: "question",
      question,
    });
    expect(busy.question).toEqual(question);
    expect(reduce(busy, { type: "run-end" })).toMatchObject({
      working: undefined,
      calls: [],
      thinking: undefined,
      question: undefined,
      isAnswering: false,
    });
  });

  test("makes what was not steered any more the next to be said", () => {
    const state = after(
      { type: "queue", text: "later" },
      { type: "steer", text: "soon" },
      { type: "run-end" },
    );
    expect(state).toMatchObject({ steering: [], queued: ["soon", "later"] });
  });
});

describe("what the person does", () => {
  test("what was said is printed", () => {
    expect(after({ type: "said", text: "hi" }).prints).toEqual([
      { type: "user", text: "hi", isSteering: false },
    ]);
  });

  test("what is queued is taken in order", () => {
    const queued = after({ type: "queue", text: "a" }, { type: "queue", text: "b" });
    expect(queued.queued).toEqual(["a", "b"]);
    expect(reduce(queued, { type: "next-taken" }).queued).toEqual(["b"]);
  });

  test("what is steered is printed when the agent takes it", () => {
    const steered = after({ type: "steer", text: "a" }, { type: "steer", text: "b" });
    expect(steered).toMatchObject({ steering: ["a", "b"], prints: [] });
    expect(reduce(steered, { type: "steering-taken" })).toMatchObject({
      steering: [],
      prints: [
        { type: "user", text: "a", isSteering: true },
        { type: "user", text: "b", isSteering: true },
      ],
    });
  });

  test("what waits can be given back", () => {
    const state = after(
      { type: "queue", text: "a" },
      { type: "steer", text: "b" },
      { type: "queue-returned" },
    );
    expect(state).toMatchObject({ queued: [], steering: [] });
  });

  test("an answer closes the question", () => {
    const question = {
      callId: "c",
      toolName: "t",
      effect: "write",
      summary: "s",
      rule: "t",
    } as const;
    expect(after({ type: "question", question }, { type: "answered" }).question).toBeUndefined();
  });

  test("what is printed is forgotten, and nothing else", () => {
    const state = after(
      { type: "said", text: "a" },
      { type: "print", print: { type: "lines", lines: ["x"] } },
      { type: "printed", count: 1 },
    );
    expect(state.prints).toEqual([{ type: "lines", lines: ["x"] }]);
  });

  test("another conversation has its own counts", () => {
    const usage = { inputTokens: 3, outputTokens: 4 };
    expect(after({ type: "usage", usage, contextTokens: 9 })).toMatchObject({
      usage,
      contextTokens: 9,
    });
  });

  test("a user's or a model's message prints nothing: it is on the screen", () => {
    expect(printsAfter({ type: "message", message: userText("hi") })).toEqual([]);
  });
});
