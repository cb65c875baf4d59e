/** What a real vLLM sent, byte for byte (`test/fixtures/golden/README.md`), through the real client. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Engine, EngineEvent } from "../../src/engine/engine.ts";
import { listModels } from "../../src/engine/remote/list-models.ts";
import { readChatRequest } from "../../src/engine/remote/read-chat-request.ts";
import type { ToolSpec } from "../../src/message.ts";
import { openRemote, remoteConfig, request } from "../support/engines.ts";
import { collect, said } from "../support/events.ts";
import { startEndpoint, type RawReply } from "../support/fake-endpoint.ts";
import { fixture } from "../support/golden.ts";

interface Recording {
  readonly path: string;
  readonly request: {
    readonly stream?: boolean;
    readonly tools?: { function: ToolSpec }[];
    readonly max_tokens: number;
  };
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

function recording(name: string): Recording {
  return JSON.parse(
    readFileSync(fixture("golden", "wire", `${name}.request.json`), "utf8"),
  ) as Recording;
}

/** Sends the recorded bytes in pieces of this size. */
function replay({ status, contentType, body }: Recording, pieceSize: number): RawReply {
  const bytes = readFileSync(fixture("golden", "wire", body));
  return (response) => {
    response.writeHead(status, { "content-type": contentType });
    for (let at = 0; at < bytes.length; at += pieceSize)
      response.write(bytes.subarray(at, at + pieceSize));
    response.end();
  };
}

async function ask(
  name: string,
  pieceSize = 1_000,
): Promise<{ events: EngineEvent[]; sent: Record<string, unknown> }> {
  const recorded = recording(name);
  const protocol = recorded.path.endsWith("/chat/completions") ? "chat" : "completions";
  const endpoint = await startEndpoint(protocol, [replay(recorded, pieceSize)]);
  const engine: Engine = await openRemote(protocol, endpoint.url, {
    stream: recorded.request.stream ?? false,
    model: "kimi-nano",
  });
  const { messages } = protocol === "chat" ? readChatRequest(recorded.request) : request();
  const tools =
    protocol === "chat"
      ? (recorded.request.tools ?? []).map((tool) => tool.function)
      : request().tools;
  const sampling = { temperature: 0, maxTokens: recorded.request.max_tokens };
  const events = await collect(engine.generate(request({ messages, tools, sampling })));
  return { events, sent: endpoint.requests.at(-1)?.body as Record<string, unknown> };
}

const beijing = [
  { name: "get_weather", id: "functions.get_weather:0", arguments: '{"city": "Beijing"}' },
];

test.each([1, 7, 100_000])("a streamed call, in pieces of %i bytes", async (size) => {
  const { events } = await ask("chat-call-stream", size);
  expect(said(events)).toMatchObject({ text: "", calls: beijing });
  expect(events.at(-1)).toMatchObject({
    reason: "tool-calls",
    usage: { inputTokens: 103, outputTokens: 17 },
  });
});

test("a whole call", async () => {
  const { events } = await ask("chat-call");
  expect(said(events)).toMatchObject({ text: "", calls: beijing });
  expect(events.at(-1)).toMatchObject({
    reason: "tool-calls",
    usage: { inputTokens: 103, outputTokens: 17 },
  });
});

test("two calls streamed in one turn", async () => {
  const { calls } = said((await ask("chat-two-calls-stream")).events);
  expect(calls.map(({ id, arguments: text }) => [id, JSON.parse(text)])).toEqual([
    ["functions.get_weather:0", { city: "Tokyo" }],
    ["functions.get_weather:1", { city: "Paris" }],
  ]);
});

test("the answer after a call", async () => {
  const { text, calls } = said((await ask("chat-answer-stream")).events);
  expect(text).toMatch(/In November .*5°C/);
  expect(calls).toEqual([]);
});

test("plain text", async () => {
  const { text } = said((await ask("chat-text")).events);
  expect(text).toBe("Hello! How can I help you?");
});

test("a call cut off by the token limit is not given out", async () => {
  const { events } = await ask("chat-length-stream");
  expect(said(events).calls).toEqual([]);
  expect(events.at(-1)).toMatchObject({ reason: "length" });
});

test.each(["completions-call", "completions-call-stream"])(
  "markers in a raw completion: %s",
  async (name) => {
    const { events, sent } = await ask(name);
    expect(said(events)).toMatchObject({ text: "", calls: beijing });
    expect(sent).toMatchObject({
      prompt: (recording(name).request as unknown as { prompt: string }).prompt.replace(
        "AI.<|im_end|><|im_user|>",
        "AI.<|im_end|>\n<|im_user|>",
      ),
      skip_special_tokens: false,
    });
  },
);

test.each([
  ["error-model", { code: "not-found", exitCode: 3 }, /nobody/],
  ["error-too-long", { code: "context-full", exitCode: 1 }, /4096 tokens/],
])("%s is an error with the server's words", async (name, like, words) => {
  await expect(ask(name)).rejects.toMatchObject({
    ...like,
    message: expect.stringMatching(words) as string,
  });
});

test("the models it serves, with their context", async () => {
  const endpoint = await startEndpoint("chat", [{}], { models: replay(recording("models"), 100) });
  const models = await listModels(
    { ...remoteConfig("chat", endpoint.url), model: "" },
    new AbortController().signal,
  );
  expect(models).toEqual([{ id: "kimi-nano", contextWindow: 4096 }]);
});

// Recorded on 2026-11-25 from the same vLLM by its /v1/messages (test/README.md tells how it is started).
async function askAnthropic(
  body: string,
  pieceSize: number,
  stream: boolean,
): Promise<EngineEvent[]> {
  const bytes = readFileSync(fixture("wire", body));
  const endpoint = await startEndpoint("anthropic", [
    (response) => {
      response.writeHead(200, {
        "content-type": stream ? "text/event-stream" : "application/json",
      });
      for (let at = 0; at < bytes.length; at += pieceSize)
        response.write(bytes.subarray(at, at + pieceSize));
      response.end();
    },
  ]);
  const engine = await openRemote("anthropic", endpoint.url, { stream });
  return collect(engine.generate(request()));
}

test.each([1, 7, 100_000])("a call by Anthropic messages, in pieces of %i bytes", async (size) => {
  const events = await askAnthropic("anthropic-call-stream.sse", size, true);
  expect(said(events)).toMatchObject({ text: "", calls: beijing });
  expect(events.at(-1)).toMatchObject({
    reason: "tool-calls",
    usage: { inputTokens: 104, outputTokens: 17 },
  });
});

test("a whole call by Anthropic messages", async () => {
  const { calls } = said(await askAnthropic("anthropic-call.json", 1_000, false));
  expect(calls).toMatchObject([
    { name: "get_weather", id: "functions.get_weather:0", arguments: '{"city":"Beijing"}' },
  ]);
});

test("a text by Anthropic messages", async () => {
  const events = await askAnthropic("anthropic-text-stream.sse", 50, true);
  expect(said(events)).toMatchObject({ text: "Hello! How can I help you?", calls: [] });
});
