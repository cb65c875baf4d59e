import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ApprovalPolicy, noRules } from "../../../src/agent/approval.ts";
import { isSummary } from "../../../src/agent/compaction.ts";
import type { AgentEvent } from "../../../src/agent/events.ts";
import type { Tool } from "../../../src/agent/tool.ts";
import type { EngineEvent } from "../../../src/engine/engine.ts";
import { KimiError } from "../../../src/errors.ts";
import { textOf, userText, type Message } from "../../../src/message.ts";
import { compactNow, converse, type ConversationParts } from "../../../src/session/conversation.ts";
import { tokensOf } from "../../../src/session/compact.ts";
import { loadSession } from "../../../src/session/session-state.ts";
import { Session } from "../../../src/session/session.ts";
import { assistantText, problemsOf } from "../../support/conversation.ts";
import { collect } from "../../support/events.ts";
import { calls, ScriptedEngine, text } from "../../support/scripted-engine.ts";

const folder = mkdtempSync(join(tmpdir(), "kimi-conversation-"));
let count = 0;

function newSession(): Session & { readonly path: string } {
  const id = `s${count++}`;
  const info = { id, createdAt: "2026-01-01T00:00:00.000Z", folder: "/", model: "m" };
  return Session.start(join(folder, `${id}.jsonl`), info) as Session & { readonly path: string };
}

const printing = (output: string): Tool => ({
  name: "t",
  description: "d",
  parameters: { type: "object" },
  effect: "read",
  prepare: () => ({ summary: "t", start: async () => ({ output }) }),
});

function parts(
  session: Session,
  engine: ScriptedEngine,
  tools: readonly Tool[] = [],
): ConversationParts {
  const { approve } = new ApprovalPolicy({ rules: noRules, yes: true });
  return { session, engine, tools, sampling: {}, maxTurns: 20, approve };
}

const { signal } = new AbortController();
const full = new KimiError("too long", { code: "context-full" });
const types = (events: readonly AgentEvent[]): string[] => events.map(({ type }) => type);

test("what happens is in the file before anybody sees it", async () => {
  const session = newSession();
  const engine = new ScriptedEngine(calls(["t", "{}"]), text("done"));
  const seen: Message[] = [userText("go")];
  for await (const event of converse(parts(session, engine, [printing("1")]), {
    message: userText("go"),
    signal,
  })) {
    if (event.type === "message") seen.push(event.message);
    expect(loadSession(session.path).transcript.slice(0, seen.length)).toEqual(seen);
  }
  session.close();
  expect(seen.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
  expect(loadSession(session.path).usage).toEqual({ inputTokens: 20, outputTokens: 10 });
});

test("a context that the engine refuses is compacted once, and the request made once more", async () => {
  const session = newSession();
  for (let turn = 0; turn < 6; turn++) {
    session.add(userText(`q${turn} ${"x".repeat(200)}`));
    session.add(assistantText("y".repeat(200)));
  }
  const engine = new ScriptedEngine(full, text("They spoke."), text("Answer."));
  const events = await collect(
    converse(parts(session, engine), { message: userText("last"), signal }),
  );
  expect(types(events)).toEqual([
    "turn-start",
    "compaction-start",
    "compaction-end",
    "text-delta",
    "finish",
    "message",
    "end",
  ]);
  expect(engine.requests).toHaveLength(3);
  const retried = engine.requests[2]?.messages ?? [];
  expect(isSummary(retried[0] as Message)).toBe(true);
  expect(retried.at(-1)).toEqual(userText("last"));
  session.close();

  const state = loadSession(session.path);
  expect(state.messages).toEqual([...retried, assistantText("Answer.")]);
  expect(state.transcript).toHaveLength(14); // nothing is deleted
});

test("a second refusal is the engine's error, and the session goes on", async () => {
  const session = newSession();
  for (let turn = 0; turn < 6; turn++) session.add(userText("x".repeat(200)));
  const engine = new ScriptedEngine(full, text("They spoke."), full, text("ok"));
  const sending = { message: userText("last"), signal };
  await expect(collect(converse(parts(session, engine), sending))).rejects.toBe(full);
  expect((await collect(converse(parts(session, engine), sending))).at(-1)).toMatchObject({
    reason: "done",
  });
  expect(problemsOf(session.context)).toEqual([]);
  session.close();
});

test("a tool that prints more than the context holds does not end the conversation", async () => {
  const session = newSession();
  const engine = new ScriptedEngine(calls(["t", "{}"]), full, text("It was too long."));
  const events = await collect(
    converse(parts(session, engine, [printing("x".repeat(100_000))]), {
      message: userText("go"),
      signal,
    }),
  );
  expect(events.at(-1)).toEqual({ type: "end", reason: "done" });
  expect(engine.requests[2]?.messages.map(textOf)).toEqual([
    "go",
    "",
    "[output of 100000 characters left out]",
  ]);
  session.close();
  expect(textOf(loadSession(session.path).transcript[2] as Message)).toHaveLength(100_000);
});

test.each(["before a request", "after a refusal"])(
  "an interruption of the summary %s ends the run as interrupted",
  async (when) => {
    const session = newSession();
    const isEarly = when === "before a request";
    for (let turn = 0; turn < 6; turn++) session.add(userText("x".repeat(isEarly ? 700 : 200)));
    const controller = new AbortController();
    async function* summary(): AsyncGenerator<EngineEvent> {
      yield { type: "text-delta", text: "They" };
      controller.abort(new Error("stop"));
      throw controller.signal.reason;
    }
    const engine = isEarly
      ? new ScriptedEngine(summary)
      : new ScriptedEngine(full, summary, text("no"));
    const before = session.context;
    const events = await collect(
      converse(parts(session, engine), { message: userText("last"), signal: controller.signal }),
    );
    expect(types(events)).toEqual(["turn-start", "compaction-start", "end"]);
    expect(events.at(-1)).toEqual({ type: "end", reason: "interrupted" });
    expect(session.context).toEqual([...before, userText("last")]);
    session.close();
  },
);

test("a long run is compacted again and again, stays well-formed, and comes back the same", async () => {
  const session = newSession();
  let turn = 0;
  const engine = new ScriptedEngine((request) =>
    (async function* () {
      expect(problemsOf(request.messages)).toEqual([]);
      const isSummaryRequest = textOf(request.messages.at(-1) as Message).startsWith("Summarize");
      const reply = isSummaryRequest
        ? text(`Summary ${turn}.`)
        : ++turn < 40
          ? calls(["t", `{"turn":${turn}}`], ["t", `{"turn":-${turn}}`])
          : text("Done.");
      const usage = { inputTokens: Math.round(tokensOf(request.messages)), outputTokens: 20 };
      for (const event of reply) yield event.type === "finish" ? { ...event, usage } : event;
    })(),
  );
  const tool: Tool = {
    ...printing(""),
    parameters: { type: "object", properties: { turn: { type: "integer" } } },
    prepare: (input) => ({
      summary: "t",
      start: async () => ({ output: `${JSON.stringify(input)}${"x".repeat(300)}` }),
    }),
  };
  const long = { ...parts(session, engine, [tool]), maxTurns: 100 };
  const events = await collect(converse(long, { message: userText("The task."), signal }));
  expect(events.at(-1)).toEqual({ type: "end", reason: "done" });
  const compactions = events.filter(({ type }) => type === "compaction-end").length;
  expect(compactions).toBeGreaterThan(3);
  expect(session.context.map(textOf).join()).toContain("The task.");
  session.close();
  const state = loadSession(session.path);
  expect(state.repairs).toEqual([]);
  expect(state.messages).toEqual(session.context);
  expect(state.transcript).toHaveLength(1 + 39 * 3 + 1);
});

test("summing up on demand works at any size, and says when there is nothing to sum up", async () => {
  const session = newSession();
  const engine = new ScriptedEngine(text("They spoke."));
  const now = async (): Promise<boolean> => {
    const run = compactNow(parts(session, engine), signal);
    for (;;) {
      const { done, value } = await run.next();
      if (done) return value;
    }
  };
  expect(await now()).toBe(false);
  for (let turn = 0; turn < 4; turn++) session.add(userText(`short ${turn}`));
  expect(await now()).toBe(true);
  expect(isSummary(session.context[0] as Message)).toBe(true);
  session.close();
  expect(loadSession(session.path).messages).toEqual(session.context);
});
