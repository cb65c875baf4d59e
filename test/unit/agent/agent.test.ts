import { expect, test } from "vitest";
import { runAgent, type AgentTask } from "../../../src/agent/agent.ts";
import { ApprovalPolicy, noRules } from "../../../src/agent/approval.ts";
import type { AgentEvent } from "../../../src/agent/events.ts";
import { repetitionNotice } from "../../../src/agent/loop-breaker.ts";
import { checkParameters } from "../../../src/agent/tool-set.ts";
import type { Tool, ToolContext, ToolEffect } from "../../../src/agent/tool.ts";
import type { EngineEvent } from "../../../src/engine/engine.ts";
import { KimiError } from "../../../src/errors.ts";
import { toolCallsOf, userText, type Message } from "../../../src/message.ts";
import { collect } from "../../support/events.ts";
import { calls, ScriptedEngine, text } from "../../support/scripted-engine.ts";

const approveAll = new ApprovalPolicy({ rules: noRules, yes: true }).approve;

type Start = (input: { readonly n?: number }, context: ToolContext) => Promise<string>;

function tool(
  name: string,
  start: Start,
  more: { effect?: ToolEffect; timeoutMs?: number } = {},
): Tool {
  return {
    name,
    description: `the tool ${name}`,
    parameters: {
      type: "object",
      properties: { n: { type: "integer" } },
      additionalProperties: false,
    },
    effect: "read",
    ...more,
    prepare: (input) => ({
      summary: name,
      start: async (context) => ({ output: await start(input as { n?: number }, context) }),
    }),
  };
}

function task(
  engine: ScriptedEngine,
  tools: readonly Tool[],
  more: Partial<AgentTask> = {},
): AgentTask {
  return {
    engine,
    messages: [userText("go")],
    tools,
    sampling: {},
    maxTurns: 50,
    approve: approveAll,
    signal: new AbortController().signal,
    ...more,
  };
}

/** Every call must have exactly one answer, right after its message, in call order. */
function expectAcceptable(events: readonly AgentEvent[]): readonly Message[] {
  const messages = events.flatMap((event) => (event.type === "message" ? [event.message] : []));
  for (const [index, message] of messages.entries()) {
    if (message.role !== "assistant") continue;
    const ids = toolCallsOf(message).map(({ id }) => id);
    const answers = messages.slice(index + 1, index + 1 + ids.length);
    expect(answers.map((answer) => (answer.role === "tool" ? answer.callId : answer.role))).toEqual(
      ids,
    );
  }
  const toolMessages = messages.filter(({ role }) => role === "tool").length;
  const allCalls = messages.flatMap((message) =>
    message.role === "assistant" ? toolCallsOf(message) : [],
  );
  expect(toolMessages).toBe(allCalls.length);
  expect(events.at(-1)?.type).toBe("end");
  expect(events.filter(({ type }) => type === "end")).toHaveLength(1);
  return messages;
}

const outputs = (messages: readonly Message[]): string[] =>
  messages.flatMap((message) => (message.role === "tool" ? [message.output] : []));

test("a reply without calls ends the run", async () => {
  const events = await collect(runAgent(task(new ScriptedEngine(text("Hello.")), [])));
  expect(events.map(({ type }) => type)).toEqual([
    "turn-start",
    "text-delta",
    "finish",
    "message",
    "end",
  ]);
  expect(events.at(-1)).toEqual({ type: "end", reason: "done" });
});

test("the result of a call goes back to the model, which then answers", async () => {
  const engine = new ScriptedEngine(calls(["double", '{"n": 4}']), text("8"));
  const events = await collect(
    runAgent(task(engine, [tool("double", async ({ n = 0 }) => String(n * 2))])),
  );
  expect(outputs(expectAcceptable(events))).toEqual(["8"]);
  expect(engine.requests[1]?.messages).toHaveLength(3);
});

test("calls that only read run side by side and are answered in call order", async () => {
  const running = new Set<number>();
  let most = 0;
  const gates = [1, 2, 3].map(() => Promise.withResolvers<void>());
  const start: Start = async ({ n = 0 }) => {
    running.add(n);
    most = Math.max(most, running.size);
    if (running.size === 3) gates[2]?.resolve(); // the last to start is the first to end
    await gates[n]?.promise;
    running.delete(n);
    gates[n - 1]?.resolve();
    return `result ${n}`;
  };
  const engine = new ScriptedEngine(
    calls(["t", '{"n":0}'], ["t", '{"n":1}'], ["t", '{"n":2}']),
    text("ok"),
  );
  const events = await collect(runAgent(task(engine, [tool("t", start)])));
  expect(most).toBe(3);
  expect(outputs(expectAcceptable(events))).toEqual(["result 0", "result 1", "result 2"]);
  const ended = events.flatMap((event) => (event.type === "tool-end" ? [event.callId] : []));
  expect(ended).toEqual(["functions.t:2", "functions.t:1", "functions.t:0"]);
});

test("a call that writes runs alone, between those that read", async () => {
  const log: string[] = [];
  const logging = (name: string, effect: ToolEffect): Tool =>
    tool(
      name,
      async () => {
        log.push(`+${name}`);
        await new Promise((resolve) => setImmediate(resolve));
        log.push(`-${name}`);
        return "";
      },
      { effect },
    );
  const engine = new ScriptedEngine(
    calls(["r", "{}"], ["r", "{}"], ["w", "{}"], ["r", "{}"]),
    text("ok"),
  );
  await collect(runAgent(task(engine, [logging("r", "read"), logging("w", "write")])));
  expect(log).toEqual(["+r", "+r", "-r", "-r", "+w", "-w", "+r", "-r"]);
});

test.each([
  ["an unknown tool", "nope", "{}", /unknown tool nope; the tools are: t/],
  ["malformed arguments", "t", '{"n": ', /not JSON/],
  ["arguments that are no object", "t", "[1]", /not a JSON object/],
  ["arguments that the schema does not allow", "t", '{"n": "four", "m": 1}', /n must be integer/],
])("%s become an error that the model reads", async (_, name, args, message) => {
  const engine = new ScriptedEngine(calls([name, args]), text("sorry"));
  const events = await collect(runAgent(task(engine, [tool("t", async () => "never")])));
  const [output] = outputs(expectAcceptable(events));
  expect((JSON.parse(output ?? "") as { error: string }).error).toMatch(message);
  expect(events.find(({ type }) => type === "tool-end")).toMatchObject({ outcome: "error" });
  expect(events.at(-1)).toMatchObject({ reason: "done" });
});

test("a tool that throws, at once or later, does not end the run", async () => {
  const throwing: Tool = {
    ...tool("now", async () => ""),
    prepare: () => {
      throw new Error("bad input");
    },
  };
  const later = tool("later", async () => {
    throw new Error("broken");
  });
  const engine = new ScriptedEngine(calls(["now", "{}"], ["later", "{}"]), text("ok"));
  const events = await collect(runAgent(task(engine, [throwing, later])));
  expect(outputs(expectAcceptable(events))).toEqual([
    '{"error": "bad input"}',
    '{"error": "broken"}',
  ]);
});

test("a tool that prepares nothing is an error that the model reads", async () => {
  const nothing = { ...tool("t", async () => ""), prepare: () => undefined } as unknown as Tool;
  const engine = new ScriptedEngine(calls(["t", "{}"]), text("ok"));
  const events = await collect(runAgent(task(engine, [nothing])));
  expect(outputs(expectAcceptable(events))[0]).toContain("prepared nothing");
});

test("a tool that takes too long is told to stop and left behind", async () => {
  let told: unknown;
  const slow = tool(
    "slow",
    (_, { signal }) =>
      new Promise(() => signal.addEventListener("abort", () => (told = signal.reason))),
    {
      timeoutMs: 20,
    },
  );
  const engine = new ScriptedEngine(calls(["slow", "{}"]), text("ok"));
  const events = await collect(runAgent(task(engine, [slow])));
  expect(outputs(expectAcceptable(events))[0]).toContain("longer than 0.02 s");
  expect(told).toBeInstanceOf(Error);
});

test("a denied call is answered with the reason and not run", async () => {
  let ran = false;
  const engine = new ScriptedEngine(calls(["t", "{}"]), text("ok"));
  const approve = async () => ({ decision: "deny" as const, reason: "not today" });
  const events = await collect(
    runAgent(task(engine, [tool("t", async () => String((ran = true)))], { approve })),
  );
  expect(outputs(expectAcceptable(events))).toEqual(['{"error": "denied: not today"}']);
  expect(events.find(({ type }) => type === "tool-end")).toMatchObject({ outcome: "denied" });
  expect(ran).toBe(false);
});

test("an interruption during tools answers every call, finished or not", async () => {
  const controller = new AbortController();
  const quick = tool("quick", async () => "done");
  const hanging = tool(
    "hanging",
    async () => {
      controller.abort(new Error("stop"));
      return new Promise<string>(() => {});
    },
    { effect: "execute" },
  );
  const engine = new ScriptedEngine(calls(["quick", "{}"], ["hanging", "{}"], ["quick", "{}"]));
  const events = await collect(
    runAgent(task(engine, [quick, hanging], { signal: controller.signal })),
  );
  expect(outputs(expectAcceptable(events))).toEqual([
    "done",
    '{"error": "interrupted by the user"}',
    '{"error": "interrupted by the user"}',
  ]);
  expect(events.at(-1)).toEqual({ type: "end", reason: "interrupted" });
});

test("an interruption of the model keeps what was said and answers what was called", async () => {
  const controller = new AbortController();
  async function* reply(): AsyncGenerator<EngineEvent> {
    yield { type: "text-delta", text: "I will" };
    yield {
      type: "tool-call",
      call: { type: "tool-call", id: "functions.t:0", name: "t", arguments: "{}" },
    };
    controller.abort(new Error("stop"));
    throw controller.signal.reason;
  }
  const events = await collect(
    runAgent(
      task(new ScriptedEngine(reply), [tool("t", async () => "never")], {
        signal: controller.signal,
      }),
    ),
  );
  const messages = expectAcceptable(events);
  expect(messages[0]).toMatchObject({
    role: "assistant",
    content: [{ text: "I will" }, { name: "t" }],
  });
  expect(outputs(messages)).toEqual(['{"error": "interrupted by the user"}']);
  expect(events.at(-1)).toEqual({ type: "end", reason: "interrupted" });
});

test("an engine that fails fails the run", async () => {
  const failure = new KimiError("down", { code: "unreachable" });
  await expect(collect(runAgent(task(new ScriptedEngine(failure), [])))).rejects.toBe(failure);
});

test("the turn is a tool turn if there are calls, whatever the finish reason says", async () => {
  const lying = calls(["t", "{}"]).map((event) =>
    event.type === "finish" ? { ...event, reason: "stop" as const } : event,
  );
  const engine = new ScriptedEngine(lying, text("ok"));
  const events = await collect(runAgent(task(engine, [tool("t", async () => "1")])));
  expect(outputs(expectAcceptable(events))).toEqual(["1"]);
  const liar = new ScriptedEngine([
    { type: "finish", reason: "tool-calls", usage: { inputTokens: 1, outputTokens: 0 } },
  ]);
  const empty = await collect(runAgent(task(liar, [])));
  expect(empty.at(-1)).toEqual({ type: "end", reason: "done" });
  expect(empty.some(({ type }) => type === "message")).toBe(false); // an empty reply is not stored
});

test.each(["length", "filtered"] as const)(
  "a reply that ends by %s ends the run so",
  async (reason) => {
    const cut: EngineEvent[] = [
      { type: "text-delta", text: "Once upon" },
      { type: "finish", reason, usage: { inputTokens: 1, outputTokens: 2 } },
    ];
    expect((await collect(runAgent(task(new ScriptedEngine(cut), [])))).at(-1)).toEqual({
      type: "end",
      reason,
    });
  },
);

test("the turn limit ends a run that goes on and on", async () => {
  let n = 0;
  const engine = new ScriptedEngine(() =>
    (async function* () {
      yield* calls(["t", `{"n": ${n++}}`]);
    })(),
  );
  const events = await collect(
    runAgent(task(engine, [tool("t", async ({ n: i }) => String(i))], { maxTurns: 7 })),
  );
  expectAcceptable(events);
  expect(events.filter(({ type }) => type === "turn-start")).toHaveLength(7);
  expect(events.at(-1)).toEqual({ type: "end", reason: "turn-limit" });
});

test("a loop gets a notice at the third result, then loses the tools for a step, then is stopped", async () => {
  const engine = new ScriptedEngine(calls(["t", '{"n": 1}']));
  const events = await collect(runAgent(task(engine, [tool("t", async () => "same")])));
  expect(outputs(expectAcceptable(events)).slice(0, 4)).toEqual([
    "same",
    "same",
    repetitionNotice,
    repetitionNotice,
  ]);
  expect(engine.requests.map(({ tools }) => tools.length)).toEqual([1, 1, 1, 1, 0]);
  expect(events.at(-1)).toEqual({ type: "end", reason: "loop" });
});

test("a model that answers when its tools are withheld is done", async () => {
  const repeat = calls(["t", "{}"]);
  const engine = new ScriptedEngine(repeat, repeat, repeat, repeat, text("It is the same."));
  const events = await collect(runAgent(task(engine, [tool("t", async () => "same")])));
  expect(events.at(-1)).toEqual({ type: "end", reason: "done" });
});

test("the same call with other results is no loop, nor is one between new writes", async () => {
  let time = 0;
  const clock = new ScriptedEngine(
    ...([1, 2, 3, 4, 5, 6].map(() => calls(["t", "{}"])) as [EngineEvent[]]),
    text("ok"),
  );
  const polled = await collect(runAgent(task(clock, [tool("t", async () => String(time++))])));
  expect(outputs(expectAcceptable(polled))).not.toContain(repetitionNotice);

  const rounds = [1, 2, 3, 4].flatMap((n) => [calls(["w", `{"n": ${n}}`]), calls(["test", "{}"])]);
  const builder = new ScriptedEngine(...(rounds as [EngineEvent[]]), text("ok"));
  const write = tool("w", async () => "written", { effect: "write" });
  const built = await collect(
    runAgent(task(builder, [write, tool("test", async () => "1 failed")])),
  );
  expect(outputs(expectAcceptable(built))).not.toContain(repetitionNotice);
});

test("two tools of one name, or a schema that is none, are refused before anything runs", async () => {
  const t = tool("t", async () => "");
  await expect(collect(runAgent(task(new ScriptedEngine(text("")), [t, t])))).rejects.toThrow(
    "two tools are named t",
  );
  const bad: Tool = { ...t, parameters: { type: "objekt" } };
  expect(() => checkParameters(bad)).toThrow(/tool t are not a valid JSON Schema/);
});

/** Gives each of these once, one list a step. */
const saying = (...steps: readonly (readonly string[])[]): NonNullable<AgentTask["steering"]> => {
  const left = [...steps];
  return () => (left.shift() ?? []).map(userText);
};

test("what the user says meanwhile comes after the answers of the step and before the next request", async () => {
  const engine = new ScriptedEngine(calls(["t", '{"n": 1}'], ["t", '{"n": 2}']), text("ok"));
  const steering = saying(["not so fast", "and quietly"]);
  const events = await collect(runAgent(task(engine, [tool("t", async () => "1")], { steering })));
  expect(engine.requests[1]?.messages.map(({ role }) => role)).toEqual([
    "user",
    "assistant",
    "tool",
    "tool",
    "user",
    "user",
  ]);
  expect(engine.requests[1]?.messages.slice(-2)).toEqual(
    ["not so fast", "and quietly"].map(userText),
  );
  const happened = events.map((event) =>
    event.type === "message" ? `message of ${event.message.role}` : event.type,
  );
  expect(happened).toEqual([
    "turn-start",
    "tool-call",
    "tool-call",
    "finish",
    "message of assistant",
    "tool-start",
    "tool-start",
    "tool-end",
    "tool-end",
    "message of tool",
    "message of tool",
    "message of user",
    "message of user",
    "turn-start",
    "text-delta",
    "finish",
    "message of assistant",
    "end",
  ]);
});

test("a model that had finished goes on with what was said meanwhile", async () => {
  const engine = new ScriptedEngine(text("Done."), text("Done again."), text("never"));
  const events = await collect(runAgent(task(engine, [], { steering: saying([], ["one more"]) })));
  expect(engine.requests).toHaveLength(1); // nothing was said in the first step
  const again = new ScriptedEngine(text("Done."), text("Done again."));
  const more = await collect(runAgent(task(again, [], { steering: saying(["one more"]) })));
  expect(again.requests[1]?.messages.at(-1)).toEqual(userText("one more"));
  expect([events, more].map((all) => all.at(-1))).toEqual([
    { type: "end", reason: "done" },
    { type: "end", reason: "done" },
  ]);
});

test("what is said is left where it is when the run is interrupted, and does not lift the turn limit", async () => {
  const controller = new AbortController();
  let taken = 0;
  const steering = () => {
    taken++;
    return [userText("more")];
  };
  const stopping = tool("t", async () => {
    controller.abort(new Error("stop"));
    return "1";
  });
  const stopped = new ScriptedEngine(calls(["t", "{}"]));
  await collect(runAgent(task(stopped, [stopping], { steering, signal: controller.signal })));
  expect(taken).toBe(0);

  const endless = new ScriptedEngine(text("Done."));
  const events = await collect(runAgent(task(endless, [], { steering, maxTurns: 3 })));
  expect(events.at(-1)).toEqual({ type: "end", reason: "turn-limit" });
  expect(endless.requests).toHaveLength(3);
});
