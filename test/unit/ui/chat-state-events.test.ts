import { describe, expect, test } from "vitest";
import type { AgentEvent } from "../../../src/agent/events.ts";
import { initialState, type ChatState } from "../../../src/ui/chat-state.ts";
import {
  afterEvents,
  call,
  eachEvent,
  printedCall,
  someUsage,
  work,
  working,
} from "./chat-events.ts";

/** What each event changes while nothing is being done, and in a run that has just begun. */
const changes: {
  readonly [Type in AgentEvent["type"]]: {
    readonly idle: Partial<ChatState>;
    readonly working: Partial<ChatState>;
  };
} = {
  progress: {
    idle: {},
    working: { working: work({ progress: eachEvent.progress }) },
  },
  notice: {
    idle: { prints: [eachEvent.notice] },
    working: { prints: [eachEvent.notice] },
  },
  "thinking-delta": {
    idle: { thinking: { text: "hm", startedAt: 1_100 } },
    working: {
      thinking: { text: "hm", startedAt: 1_100 },
      working: work({ firstTokenAt: 1_100, characters: 2 }),
    },
  },
  "text-delta": {
    idle: { isAnswering: true, prints: [{ type: "text", text: "Hello" }] },
    working: {
      isAnswering: true,
      prints: [{ type: "text", text: "Hello" }],
      working: work({ firstTokenAt: 1_100, characters: 5 }),
    },
  },
  "tool-call-delta": {
    idle: {},
    working: {
      working: work({
        firstTokenAt: 1_100,
        characters: 6,
        writing: { name: "weather", characters: 6 },
      }),
    },
  },
  "tool-call": { idle: {}, working: {} },
  finish: {
    idle: { contextTokens: 15, usage: someUsage },
    working: { contextTokens: 15, usage: someUsage },
  },
  "turn-start": { idle: { working: work({ startedAt: 1_100 }) }, working: {} },
  "tool-start": { idle: { calls: [call({})] }, working: { calls: [call({})] } },
  "tool-output": { idle: {}, working: {} },
  "tool-end": { idle: {}, working: {} },
  "compaction-start": { idle: {}, working: { working: work({ what: "compacting" }) } },
  "compaction-end": {
    idle: { prints: [expect.objectContaining({ type: "notice", level: "info" })] },
    working: { prints: [expect.objectContaining({ type: "notice", level: "info" })] },
  },
  message: {
    idle: { prints: [printedCall({ summary: "weather", durationMs: undefined })] },
    working: { prints: [printedCall({ summary: "weather", durationMs: undefined })] },
  },
  end: { idle: {}, working: {} },
};

const types = Object.keys(changes) as readonly AgentEvent["type"][];

describe("an event", () => {
  test.each(types)("%s changes what it should while nothing is being done", (type) => {
    const expected = { ...initialState, ...changes[type].idle };
    expect(afterEvents([eachEvent[type]], initialState)).toEqual(expected);
  });

  test.each(types)("%s changes what it should in a run", (type) => {
    const expected = { ...working(), ...changes[type].working };
    expect(afterEvents([eachEvent[type]])).toEqual(expected);
  });

  test.each(types)("%s leaves the state before it as it was", (type) => {
    const before = afterEvents([eachEvent["text-delta"], eachEvent["tool-start"]]);
    const copy = structuredClone(before);
    afterEvents([eachEvent[type]], before);
    expect(before).toEqual(copy);
  });
});
