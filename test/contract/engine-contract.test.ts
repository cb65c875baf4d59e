/** What every engine promises (`src/engine/engine.ts`), on every engine. */
import { describe, expect, test } from "vitest";
import type { Engine, EngineEvent } from "../../src/engine/engine.ts";
import { userText, type Message } from "../../src/message.ts";
import { openNano, openRemote, request } from "../support/engines.ts";
import { collect, said } from "../support/events.ts";
import { startEndpoint, type FakeReply } from "../support/fake-endpoint.ts";

/** Opens an engine whose model says this, if it does as it is told: the embedded model says its own. */
type Open = (...replies: readonly FakeReply[]) => Promise<Engine>;

const remote =
  (protocol: "chat" | "completions" | "anthropic", stream: boolean): Open =>
  async (...replies) => {
    const endpoint = await startEndpoint(protocol, replies);
    return openRemote(protocol, endpoint.url, { stream });
  };

const engines = [
  { name: "the local engine", open: openNano, streams: true },
  { name: "a chat-completions endpoint", open: remote("chat", true), streams: true },
  {
    name: "a chat-completions endpoint asked for whole replies",
    open: remote("chat", false),
    streams: false,
  },
  { name: "a completions endpoint", open: remote("completions", true), streams: true },
  {
    name: "a completions endpoint asked for whole replies",
    open: remote("completions", false),
    streams: false,
  },
  { name: "an Anthropic endpoint", open: remote("anthropic", true), streams: true },
  {
    name: "an Anthropic endpoint asked for whole replies",
    open: remote("anthropic", false),
    streams: false,
  },
];

const callWeather: FakeReply = {
  calls: [{ name: "get_weather", arguments: '{"city": "Beijing"}' }],
};

const result: Message = {
  role: "tool",
  callId: "functions.get_weather:0",
  toolName: "get_weather",
  output:
    '{"city": "Beijing", "country": "China", "temperature_c": 3.4, "condition": "Sunny", "humidity_pct": 31, "wind_kmh": 12}',
  isError: false,
};

function asMessage(events: readonly EngineEvent[]): Message {
  return { role: "assistant", content: [...said(events).calls] };
}

describe.each(engines)("$name", ({ open, streams }) => {
  test("answers with text and then exactly one finish, last", async () => {
    const engine = await open({ content: "Hello! How can I help you?" });
    const events = await collect(
      engine.generate(request({ messages: [userText("Hello")], tools: [] })),
    );
    expect(said(events)).toMatchObject({ text: "Hello! How can I help you?", calls: [] });
    expect(events.filter(({ type }) => type === "finish")).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: "finish", reason: "stop" });
  });

  test("counts tokens", async () => {
    const engine = await open({ content: "Hello! How can I help you?" });
    const events = await collect(
      engine.generate(request({ messages: [userText("Hello")], tools: [] })),
    );
    const finish = events.at(-1);
    if (finish?.type !== "finish") throw new Error("no finish");
    expect(finish.usage.inputTokens).toBeGreaterThan(5);
    expect(finish.usage.outputTokens).toBeGreaterThan(2);
  });

  test("calls a tool, shows the arguments as they come, and says so in the finish", async () => {
    const engine = await open(callWeather);
    const events = await collect(engine.generate(request()));
    const { calls } = said(events);
    expect(calls).toEqual([
      {
        type: "tool-call",
        id: "functions.get_weather:0",
        name: "get_weather",
        arguments: expect.any(String) as string,
      },
    ]);
    expect(JSON.parse(calls[0]?.arguments ?? "")).toEqual({ city: "Beijing" });
    const shown = events.flatMap((event) => (event.type === "tool-call-delta" ? [event] : []));
    expect(shown.map(({ text }) => text).join("")).toBe(calls[0]?.arguments);
    expect(shown.every(({ id }) => id === calls[0]?.id)).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: "finish", reason: "tool-calls" });
  });

  test("goes on from the result of a call", async () => {
    const engine = await open(callWeather, { content: "It is sunny in Beijing, at 3.4°C." });
    const first = request();
    const call = asMessage(await collect(engine.generate(first)));
    const events = await collect(
      engine.generate(request({ messages: [...first.messages, call, result] })),
    );
    expect(said(events).text).toMatch(/sunny/i);
    expect(said(events).text).toContain("3.4");
    expect(said(events).calls).toEqual([]);
  });

  test("counts the ids of calls over the whole conversation, whatever ids its history has", async () => {
    const engine = await open(callWeather);
    const history: Message[] = [
      userText("What's the weather in Paris?"),
      {
        role: "assistant",
        content: [
          { type: "tool-call", id: "call_x", name: "get_weather", arguments: '{"city": "Paris"}' },
        ],
      },
      { ...result, callId: "call_x" },
      { role: "assistant", content: [{ type: "text", text: "It is sunny in Paris." }] },
    ];
    const events = await collect(
      engine.generate(request({ messages: [...history, ...request().messages] })),
    );
    expect(said(events).calls.map(({ id }) => id)).toEqual(["functions.get_weather:1"]);
  });

  test("never gives out a call that a token limit cut off", async () => {
    const engine = await open({
      calls: [{ name: "get_weather", arguments: '{"city": "Beijing, the capital of China"}' }],
    });
    const events = await collect(
      engine.generate(request({ sampling: { temperature: 0, maxTokens: 10 } })),
    );
    expect(said(events).calls).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: "finish", reason: "length" });
  });

  test("throws the signal's reason when it is aborted before it starts", async () => {
    const engine = await open({ content: "Hello" });
    const reason = new Error("stop");
    await expect(
      collect(engine.generate(request({ signal: AbortSignal.abort(reason) }))),
    ).rejects.toBe(reason);
  });

  if (streams)
    test("throws the signal's reason when it is aborted in the middle, and can be asked again", async () => {
      const engine = await open(
        { content: "One two three four five six", hangs: true },
        { content: "Hello! How can I help you?" },
      );
      const controller = new AbortController();
      const reason = new Error("stop");
      const read = async (): Promise<void> => {
        const events = engine.generate(
          request({ messages: [userText("Hello")], tools: [], signal: controller.signal }),
        );
        for await (const { type } of events) if (type === "text-delta") controller.abort(reason);
      };
      await expect(read()).rejects.toBe(reason);
      const events = await collect(
        engine.generate(request({ messages: [userText("Hello")], tools: [] })),
      );
      expect(said(events).text).not.toBe("");
    });

  test("can be closed twice", async () => {
    const engine = await open({ content: "Hello" });
    await engine.close();
    await engine.close();
  });
});
