import { describe, expect, test } from "vitest";
import type { AgentEvent } from "../../../src/agent/events.ts";
import { Activity } from "../../../src/render/activity.ts";
import { RunSummary } from "../../../src/render/run-summary.ts";
import type { RunResult } from "../../../src/render/renderer.ts";
import { textRenderer } from "../../../src/render/text.ts";

const finish: AgentEvent = {
  type: "finish",
  reason: "stop",
  usage: { inputTokens: 3, outputTokens: 2, cachedTokens: 1 },
};
const delta = (text: string): AgentEvent => ({ type: "text-delta", text });

function render(
  events: readonly AgentEvent[],
  options: { live: boolean; isTerminal: boolean },
): string {
  let written = "";
  const renderer = textRenderer({ output: { write: (text) => (written += text) }, ...options });
  const summary = new RunSummary(performance.now());
  for (const event of events) {
    summary.add(event);
    renderer.event(event);
  }
  renderer.end({ status: "done", answer: summary.answer } as RunResult);
  return written;
}

const twoTurns: AgentEvent[] = [
  { type: "turn-start", turn: 1 },
  delta("Let me "),
  delta("see."),
  finish,
  { type: "turn-start", turn: 2 },
  delta("It is\n"),
  delta("\n42.\n"),
  delta("\n"),
  finish,
];

describe("text", () => {
  test("not live, is the last turn's", () => {
    expect(render(twoTurns, { live: false, isTerminal: false })).toBe("It is\n\n42.\n");
  });

  test("live, shows every turn on lines of its own", () => {
    expect(render(twoTurns, { live: true, isTerminal: true })).toBe("Let me see.\nIt is\n\n42.\n");
  });

  test("an empty answer is nothing", () => {
    expect(
      render([{ type: "turn-start", turn: 1 }, delta("\n"), finish], {
        live: true,
        isTerminal: false,
      }),
    ).toBe("");
    expect(
      render([{ type: "turn-start", turn: 1 }, finish], { live: false, isTerminal: false }),
    ).toBe("");
  });

  test("control sequences of a model do not reach a terminal, but a pipe gets every byte", () => {
    const evil = [
      { type: "turn-start", turn: 1 } as const,
      delta("a\u001b]0;title\u0007b\u001b[2Jc\td\u009bm"),
      finish,
    ];
    expect(render(evil, { live: true, isTerminal: true })).toBe("abc\td\n");
    expect(render(evil, { live: true, isTerminal: false })).toBe(
      "a\u001b]0;title\u0007b\u001b[2Jc\td\u009bm\n",
    );
  });
});

describe("the summary", () => {
  test("adds up usage and keeps the last answer", () => {
    const summary = new RunSummary(performance.now());
    for (const event of twoTurns) summary.add(event);
    expect(summary).toMatchObject({
      turns: 2,
      answer: "It is\n\n42.\n\n",
      usage: { inputTokens: 6, outputTokens: 4, cachedTokens: 2 },
    });
    expect(summary.timing().firstTokenMs).toBeGreaterThanOrEqual(0);
  });
});

describe("activity", () => {
  const activity = (isTerminal: boolean) => {
    let written = "";
    const shown = new Activity({ write: (text) => (written += text), isTerminal });
    return { shown, written: () => written };
  };

  test("a tool is a line when it starts and one when it ends", () => {
    const { shown, written } = activity(false);
    shown.event({ type: "tool-start", callId: "1", summary: "weather in\nRome\u001b[31m" });
    shown.event({
      type: "tool-end",
      callId: "1",
      outcome: "error",
      durationMs: 5,
      display: { type: "text", text: "no" },
    });
    expect(written()).toBe("→ weather in Rome\n← weather in Rome: error no (5 ms)\n");
  });

  test("quick progress is not shown, slow progress is, and is cleared on a terminal", async () => {
    const { shown, written } = activity(true);
    shown.event({ type: "progress", phase: "load", done: 1, total: 4 });
    shown.event(delta("x"));
    expect(written()).toBe("");
    shown.event({ type: "progress", phase: "load", done: 1, total: 4 });
    await expect.poll(written).toBe("\rloading the model 25 %\u001b[K");
    shown.event({ type: "progress", phase: "load", done: 2, total: 4 });
    shown.event(delta("x"));
    expect(written()).toBe(
      "\rloading the model 25 %\u001b[K\rloading the model 50 %\u001b[K\r\u001b[K",
    );
  });

  test("a retry is always a line", () => {
    const { shown, written } = activity(false);
    shown.event({
      type: "progress",
      phase: "retry",
      done: 1,
      total: 4,
      detail: "busy; trying again in 1 s",
    });
    expect(written()).toBe("busy; trying again in 1 s (1 of 4)\n");
  });
});
