/** Events of runs as agents produce them, for tests of what shows them. */
import * as fc from "../../support/fast-check.ts";
import type { AgentEvent, EndReason } from "../../../src/agent/events.ts";
import { userText, type AssistantMessage, type Message } from "../../../src/message.ts";
import {
  initialState,
  reduce,
  type ChatAction,
  type ChatState,
  type Print,
} from "../../../src/ui/chat-state.ts";

export const someUsage = { inputTokens: 10, outputTokens: 5 };

/** One event of each type: a type without one does not compile. */
export const eachEvent: { readonly [Type in AgentEvent["type"]]: AgentEvent & { type: Type } } = {
  progress: { type: "progress", phase: "prefill", done: 1, total: 4 },
  notice: { type: "notice", level: "info", text: "CPU: layers 0-4" },
  "thinking-delta": { type: "thinking-delta", text: "hm" },
  "text-delta": { type: "text-delta", text: "Hello" },
  "tool-call-delta": { type: "tool-call-delta", id: "c", name: "weather", text: '{"city' },
  "tool-call": {
    type: "tool-call",
    call: { type: "tool-call", id: "c", name: "weather", arguments: "{}" },
  },
  finish: { type: "finish", reason: "stop", usage: someUsage },
  "turn-start": { type: "turn-start", turn: 1 },
  "tool-start": { type: "tool-start", callId: "c", summary: "weather in Rome" },
  "tool-output": { type: "tool-output", callId: "c", text: "out" },
  "tool-end": { type: "tool-end", callId: "c", outcome: "ok", durationMs: 7 },
  "compaction-start": { type: "compaction-start", messages: 3 },
  "compaction-end": { type: "compaction-end", compaction: { kept: 1, pruned: [], summary: "s" } },
  message: {
    type: "message",
    message: { role: "tool", callId: "c", toolName: "weather", output: "22", isError: false },
  },
  end: { type: "end", reason: "done" },
};

/** What an event makes of a state, a tenth of a second later each. */
export function afterEvents(events: readonly AgentEvent[], from: ChatState = working()): ChatState {
  return events.reduce(
    (state, event, index) => reduce(state, { type: "agent", at: 1_100 + index * 100, event }),
    from,
  );
}

export function working(from: ChatState = initialState): ChatState {
  return reduce(from, { type: "run-start", at: 1_000, what: "asking" });
}

export function work(change: Partial<NonNullable<ChatState["working"]>>): ChatState["working"] {
  const begun = working().working;
  return begun && { ...begun, ...change };
}

export function call(change: Partial<ChatState["calls"][number]>): ChatState["calls"][number] {
  const begun = { id: "c", name: "", summary: "weather in Rome", startedAt: 1_100, output: "" };
  return { ...begun, ...change };
}

export function printedCall(change: Partial<Print & { type: "tool" }>): Print {
  return {
    type: "tool",
    name: "weather",
    summary: "weather in Rome",
    outcome: "ok",
    durationMs: 7,
    display: { type: "text", text: "22" },
    ...change,
  };
}

const someText = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom("a\n\nb", "你好", "\u001b[2J"),
);

const textDelta = someText.map((text): AgentEvent => ({ type: "text-delta", text }));
const thinkingDelta = someText.map((text): AgentEvent => ({ type: "thinking-delta", text }));
const usage = fc.record({ inputTokens: fc.nat(9_999), outputTokens: fc.nat(999) });

interface Call {
  readonly text: string;
  readonly output: string;
  readonly isError: boolean;
}

const someCall = fc.record({ text: someText, output: someText, isError: fc.boolean() });

const replyParts = fc.array(fc.oneof({ weight: 4, arbitrary: textDelta }, thinkingDelta), {
  maxLength: 6,
});

const turn = fc.record({
  progress: fc.array(
    fc.record({
      type: fc.constant("progress" as const),
      phase: fc.constantFrom("load" as const, "prefill" as const, "retry" as const),
      done: fc.nat(9),
      total: fc.nat(9),
    }),
    { maxLength: 2 },
  ),
  parts: replyParts,
  calls: fc.array(someCall, { maxLength: 3 }),
  usage,
  compacts: fc.boolean(),
});

type Turn = typeof turn extends fc.Arbitrary<infer Value> ? Value : never;

/** How a run may stop before its last event: never, by an interruption, by an error. */
export type Cut = "none" | "interrupted" | "error";

export interface Run {
  readonly events: readonly AgentEvent[];
  readonly cut: Cut;
}

function callEvents(calls: readonly Call[], turn: number): AgentEvent[] {
  const id = (index: number): string => `functions.t:${turn}-${index}`;
  const starts = calls.flatMap(({ text }, index): AgentEvent[] => [
    { type: "tool-start", callId: id(index), summary: text },
    { type: "tool-output", callId: id(index), text },
  ]);
  const ends = calls.map(({ isError, output }, index): AgentEvent => ({
    type: "tool-end",
    callId: id(index),
    outcome: isError ? "error" : "ok",
    durationMs: index,
    ...(isError ? { display: { type: "text", text: output } } : {}),
  }));
  const messages = calls.map(({ output, isError }, index): AgentEvent => {
    const message: Message = { role: "tool", callId: id(index), toolName: "t", output, isError };
    return { type: "message", message };
  });
  return [...starts, ...ends.toReversed(), ...messages];
}

function turnEvents(
  { progress, parts, calls, usage, compacts }: Turn,
  number: number,
): AgentEvent[] {
  const content: AssistantMessage["content"] = [{ type: "text", text: "said" }];
  const written = calls.flatMap(({ text }, index): AgentEvent[] => {
    const id = `functions.t:${number}-${index}`;
    return [
      { type: "tool-call-delta", id, name: "t", text },
      { type: "tool-call", call: { type: "tool-call", id, name: "t", arguments: text } },
    ];
  });
  const compaction: AgentEvent[] = compacts
    ? [eachEvent["compaction-start"], eachEvent["compaction-end"]]
    : [];
  return [
    { type: "turn-start", turn: number },
    ...compaction,
    ...progress,
    ...parts,
    ...written,
    { type: "finish", reason: calls.length > 0 ? "tool-calls" : "stop", usage },
    { type: "message", message: { role: "assistant", content } },
    ...callEvents(calls, number),
    ...(number % 2 === 0
      ? [{ type: "message", message: userText("steered") } satisfies AgentEvent]
      : []),
  ];
}

const endReasons: readonly EndReason[] = ["done", "length", "filtered", "turn-limit", "loop"];

/** A run from its first event to its last, or to where it was interrupted or failed. */
export const someRun: fc.Arbitrary<Run> = fc
  .record({
    turns: fc.array(turn, { minLength: 1, maxLength: 3 }),
    reason: fc.constantFrom(...endReasons),
    cut: fc.constantFrom<Cut>("none", "none", "interrupted", "error"),
    length: fc.nat(40),
  })
  .map(({ turns, reason, cut, length }) => {
    const all = turns.flatMap((turn, index) => turnEvents(turn, index + 1));
    if (cut === "none") return { events: [...all, { type: "end", reason }], cut };
    const kept = all.slice(0, length);
    if (cut === "error") return { events: kept, cut };
    const said: AgentEvent = {
      type: "message",
      message: { role: "assistant", content: [{ type: "text", text: "said" }] },
    };
    const isMidReply = !kept.some(({ type }) => type === "message");
    const last: AgentEvent = { type: "end", reason: "interrupted" };
    return { events: [...kept, ...(isMidReply ? [said] : []), last], cut };
  });

/** Any event at all, whatever went before. */
const anyEvent: fc.Arbitrary<AgentEvent> = fc.oneof(
  textDelta,
  thinkingDelta,
  fc.constantFrom(...Object.values(eachEvent)),
);

const at = fc.nat(100_000);

/** Any action at all. */
export const anyAction: fc.Arbitrary<ChatAction> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("agent" as const), at, event: anyEvent }) },
  fc.record({
    type: fc.constant("run-start" as const),
    at,
    what: fc.constantFrom("asking" as const, "compacting" as const, "command" as const),
  }),
  fc.constantFrom<ChatAction>(
    { type: "run-end" },
    { type: "run-end", error: { message: "no", hint: "try" } },
    { type: "steering-taken" },
    { type: "next-taken" },
    { type: "queue-returned" },
    { type: "answered" },
  ),
  fc.record({
    type: fc.constantFrom("said" as const, "queue" as const, "steer" as const),
    text: someText,
  }),
  fc.record({ type: fc.constant("printed" as const), count: fc.nat(3) }),
  fc.record({ type: fc.constant("usage" as const), usage, contextTokens: fc.nat(999) }),
  someText.map((text): ChatAction => ({
    type: "print",
    print: { type: "notice", level: "info", text },
  })),
  someText.map((summary): ChatAction => ({
    type: "question",
    question: { callId: "c", toolName: "t", effect: "write", summary, rule: "t" },
  })),
);
