import { describe, expect, test } from "vitest";
import { runAgent, type AgentTask } from "../../../src/agent/agent.ts";
import {
  ApprovalPolicy,
  noRules,
  type ApprovalOptions,
  type ApprovalRequest,
  type ApprovalRules,
  type PersonsAnswer,
} from "../../../src/agent/approval.ts";
import type { AgentEvent } from "../../../src/agent/events.ts";
import type { PreparedCall, Tool, ToolEffect } from "../../../src/agent/tool.ts";
import { userText } from "../../../src/message.ts";
import { collect } from "../../support/events.ts";
import { calls, ScriptedEngine, text } from "../../support/scripted-engine.ts";

const { signal } = new AbortController();

const request = (effect: ToolEffect, subject?: string, toolName = "t"): ApprovalRequest => ({
  callId: "c",
  toolName,
  effect,
  summary: "s",
  ...(subject === undefined ? {} : { subject }),
});

function policy(
  rules: Partial<ApprovalRules>,
  more: Partial<ApprovalOptions> = {},
): ApprovalPolicy {
  return new ApprovalPolicy({ rules: { ...noRules, ...rules }, yes: false, ...more });
}

/** Answers every question, and keeps it. */
function person(
  ...answers: readonly PersonsAnswer[]
): Pick<ApprovalOptions, "ask"> & { asked: string[] } {
  const left = [...answers];
  const asked: string[] = [];
  return {
    asked,
    ask: async ({ rule }) => {
      asked.push(rule);
      return left.shift() ?? { answer: "once" };
    },
  };
}

async function decisionOf(
  rules: Partial<ApprovalRules>,
  given: ApprovalRequest,
  yes = false,
): Promise<string> {
  const { asked, ask } = person();
  const approval = await policy(rules, { yes, ...(ask ? { ask } : {}) }).approve(given, signal);
  return asked.length > 0 ? "ask" : approval.decision;
}

test.each([
  ["read", "allow"],
  ["network", "allow"],
  ["write", "ask"],
  ["execute", "ask"],
] as const)("without a rule a tool that may %s: %s", async (effect, decision) => {
  expect(await decisionOf({}, request(effect))).toBe(decision);
});

test.each([
  [{ allow: ["t"] }, "allow"],
  [{ allow: ["execute"] }, "allow"],
  [{ allow: ["t(git *)"] }, "allow"],
  [{ allow: ["t(ls *)", "other", "write"] }, "ask"],
  [{ ask: ["t"], allow: ["t", "execute"] }, "ask"],
  [{ ask: ["t(git *)"], allow: ["t"] }, "ask"],
  [{ ask: ["t(ls *)"], allow: ["t"] }, "allow"],
  [{ deny: ["t"], ask: ["t"], allow: ["t"] }, "deny"],
  [{ deny: ["t(git *)"], allow: ["t"] }, "deny"],
  [{ deny: ["t(rm *)"], allow: ["t"] }, "allow"],
] as const)("deny goes before ask, ask before allow: %j is %s", async (rules, decision) => {
  expect(await decisionOf(rules, request("execute", "git push"))).toBe(decision);
});

test("yes allows what would be asked for, not what is denied", async () => {
  expect(await decisionOf({}, request("execute"), true)).toBe("allow");
  expect(await decisionOf({ ask: ["t"] }, request("execute"), true)).toBe("allow");
  expect(await decisionOf({ deny: ["t"] }, request("execute"), true)).toBe("deny");
  expect(
    await decisionOf({ deny: ["t(rm *)"] }, request("execute", "cd / && rm -rf $HOME"), true),
  ).toBe("deny");
});

test("an allowed pattern does not reach over into another command, even if all of that tool's effect is asked for", async () => {
  const rules = { allow: ["t(git *)"] };
  expect(await decisionOf(rules, request("execute", "git status; rm -rf /"))).toBe("ask");
});

test("asking can be wanted of what only reads", async () => {
  expect(await decisionOf({ ask: ["read"] }, request("read"))).toBe("ask");
});

test("deny hides whole tools from the model, but not those of which it denies some calls", () => {
  const named = (name: string, effect: ToolEffect): Tool => ({
    name,
    description: "d",
    parameters: {},
    effect,
    prepare: () => ({ summary: name, start: async () => ({ output: "" }) }),
  });
  const tools = [
    named("a", "read"),
    named("b", "write"),
    named("c", "execute"),
    named("d", "execute"),
  ];
  const visible = (...deny: string[]): string[] =>
    policy({ deny })
      .visible(tools)
      .map(({ name }) => name);
  expect(visible()).toEqual(["a", "b", "c", "d"]);
  expect(visible("c")).toEqual(["a", "b", "d"]);
  expect(visible("execute", "a")).toEqual(["b"]);
  expect(visible("c(rm *)", "write(src/*)", "c()")).toEqual(["a", "b", "c", "d"]);
});

describe("the person's answer", () => {
  test("once allows this call alone", async () => {
    const someone = person();
    const { approve } = policy({}, someone);
    await approve(request("execute", "git status"), signal);
    await approve(request("execute", "git status"), signal);
    expect(someone.asked).toEqual(["t(git status *)", "t(git status *)"]);
  });

  test("for this session allows what the offered rule matches, and nothing else", async () => {
    const someone = person({ answer: "session" });
    const { approve } = policy({ ask: ["t(git status --danger)"] }, someone);
    await approve(request("execute", "git status"), signal);
    expect(await approve(request("execute", "git status -s"), signal)).toEqual({
      decision: "allow",
    });
    expect(someone.asked).toHaveLength(1);
    await approve(request("execute", "git push"), signal);
    await approve(request("execute", "git status; git push"), signal);
    await approve(request("execute", "git status", "other"), signal);
    expect(someone.asked).toHaveLength(4);
  });

  test("always also keeps the rule", async () => {
    const kept: string[] = [];
    const someone = person({ answer: "always" });
    const { approve } = policy({}, { ...someone, remember: (rule) => kept.push(rule) });
    await approve(request("write", "src/a.ts", "write_file"), signal);
    await approve(request("write", "src/b.ts", "write_file"), signal);
    expect([kept, someone.asked]).toEqual([["write_file"], ["write_file"]]);
  });

  test("no has a reason for the model", async () => {
    const { approve } = policy(
      {},
      person({ answer: "no", reason: "use npm" }, { answer: "no", reason: "" }),
    );
    expect(await approve(request("execute"), signal)).toEqual({
      decision: "deny",
      reason: "use npm",
    });
    expect(await approve(request("execute"), signal)).toEqual({
      decision: "deny",
      reason: "the user said no",
    });
  });

  test("nobody to ask is a no that says what would allow it", async () => {
    expect(await policy({}).approve(request("execute"), signal)).toEqual({
      decision: "deny",
      reason: expect.stringMatching(/execute.*--allow or --yes/) as string,
    });
  });
});

describe("in a run", () => {
  interface Asked {
    readonly id: string;
    readonly answer: (answer: PersonsAnswer) => void;
  }

  function tool(name: string, more: Partial<PreparedCall> & { effect?: ToolEffect } = {}): Tool {
    const { effect = "execute", ...prepared } = more;
    return {
      name,
      description: "d",
      parameters: { type: "object" },
      effect,
      prepare: () => ({
        summary: name,
        start: async () => ({ output: `${name} ran` }),
        ...prepared,
      }),
    };
  }

  function run(approvals: ApprovalPolicy, tools: readonly Tool[], more: Partial<AgentTask> = {}) {
    const names = tools.map(({ name }) => [name, "{}"] as const);
    const engine = new ScriptedEngine(calls(...names), text("ok"));
    const task = {
      engine,
      messages: [userText("go")],
      tools,
      sampling: {},
      maxTurns: 5,
      approve: approvals.approve,
      signal,
    };
    return { engine, events: collect(runAgent({ ...task, ...more })) };
  }

  const outputs = (events: readonly AgentEvent[]): string[] =>
    events.flatMap((event) =>
      event.type === "message" && event.message.role === "tool" ? [event.message.output] : [],
    );

  test("questions are asked one at a time, also for calls that run side by side", async () => {
    const open: Asked[] = [];
    const all: string[] = [];
    const ask: ApprovalOptions["ask"] = ({ callId }) =>
      new Promise((resolve) => {
        all.push(callId);
        open.push({ id: callId, answer: resolve });
      });
    const names = ["a", "b", "c"];
    const { events } = run(
      policy({ ask: ["read"] }, { ask }),
      names.map((name) => tool(name, { effect: "read" })),
    );
    const answers: PersonsAnswer[] = [
      { answer: "once" },
      { answer: "no", reason: "not b" },
      { answer: "once" },
    ];
    for (const answer of answers) {
      await expect.poll(() => open.length).toBe(1);
      open.shift()?.answer(answer);
    }
    expect(outputs(await events)).toEqual(["a ran", '{"error": "denied: not b"}', "c ran"]);
    expect(all).toEqual(["functions.a:0", "functions.b:1", "functions.c:2"]);
  });

  test("an answer for the session also answers the questions that wait", async () => {
    const someone = person({ answer: "session" });
    const engine = new ScriptedEngine(calls(["t", "{}"], ["t", "{}"]), text("ok"));
    const { events } = run(policy({ ask: ["read"] }, someone), [tool("t", { effect: "read" })], {
      engine,
    });
    expect(outputs(await events)).toEqual(["t ran", "t ran"]);
    expect(someone.asked).toEqual(["t"]);
  });

  test("an interruption while asking answers that call and the ones that wait as interrupted", async () => {
    const controller = new AbortController();
    const asked: string[] = [];
    const ask: ApprovalOptions["ask"] = ({ callId }, given) =>
      new Promise((_, reject) => {
        asked.push(callId);
        given.addEventListener("abort", () => reject(given.reason as Error));
        controller.abort(new Error("stop"));
      });
    const tools = ["a", "b"].map((name) => tool(name, { effect: "read" }));
    const { events } = run(policy({ ask: ["read"] }, { ask }), [...tools, tool("c")], {
      signal: controller.signal,
    });
    const interrupted = '{"error": "interrupted by the user"}';
    expect(outputs(await events)).toEqual([interrupted, interrupted, interrupted]);
    expect((await events).at(-1)).toEqual({ type: "end", reason: "interrupted" });
    expect(asked).toEqual(["functions.a:0"]);
  });

  test("a question that fails is an error the model reads, and the next one is asked", async () => {
    let count = 0;
    const ask: ApprovalOptions["ask"] = async () => {
      if (count++ === 0) throw new Error("no terminal");
      return { answer: "once" };
    };
    const { events } = run(policy({}, { ask }), [tool("a"), tool("b")]);
    expect(outputs(await events)).toEqual(['{"error": "no terminal"}', "b ran"]);
  });

  test("the person sees what the call would change, computed after all earlier calls have ended", async () => {
    const log: string[] = [];
    const logging = (name: string): Tool =>
      tool(name, {
        subject: `${name} subject`,
        preview: async () => {
          log.push(`preview ${name}`);
          return { type: "text", text: `change of ${name}` };
        },
        start: async () => {
          log.push(`start ${name}`);
          return { output: "" };
        },
      });
    const ask: ApprovalOptions["ask"] = async ({ toolName, preview, subject }) => {
      log.push(`ask ${toolName}: ${preview?.type === "text" ? preview.text : ""}, ${subject}`);
      return { answer: "once" };
    };
    await run(policy({}, { ask }), [logging("a"), logging("b")]).events;
    expect(log).toEqual(
      ["a", "b"].flatMap((name) => [
        `preview ${name}`,
        `ask ${name}: change of ${name}, ${name} subject`,
        `start ${name}`,
      ]),
    );
  });

  test("a preview that fails is an error result, and nobody is asked", async () => {
    const someone = person();
    const preview = async (): Promise<never> => {
      throw new Error("no such file");
    };
    const { events } = run(policy({}, someone), [tool("a", { preview })]);
    expect(outputs(await events)).toEqual(['{"error": "no such file"}']);
    expect((await events).find(({ type }) => type === "tool-end")).toMatchObject({
      outcome: "error",
    });
    expect(someone.asked).toEqual([]);
  });

  test("a preview that ignores an interruption is left behind", async () => {
    const controller = new AbortController();
    const preview = (): Promise<never> => {
      controller.abort(new Error("stop"));
      return new Promise(() => {});
    };
    const { events } = run(policy({}, person()), [tool("a", { preview })], {
      signal: controller.signal,
    });
    expect(outputs(await events)).toEqual(['{"error": "interrupted by the user"}']);
  });
});
