/** Endpoints that misbehave in every way that was seen in the field (k2-facts §3.7, peers §2). */
import { describe, expect, test } from "vitest";
import type { EngineEvent } from "../../src/engine/engine.ts";
import { userText, type Message } from "../../src/message.ts";
import { openRemote, request } from "../support/engines.ts";
import { collect, said } from "../support/events.ts";
import {
  event,
  startEndpoint,
  startEvents,
  status,
  stream,
  type RawReply,
} from "../support/fake-endpoint.ts";

const chunk = (delta: object, finish: string | null = null): string =>
  event({ choices: [{ index: 0, delta, finish_reason: finish }] });

async function chat(
  replies: RawReply | readonly RawReply[],
  config: Parameters<typeof openRemote>[2] = {},
) {
  const list = typeof replies === "function" ? [replies] : replies;
  const endpoint = await startEndpoint("chat", list);
  const engine = await openRemote("chat", endpoint.url, config);
  return { endpoint, generate: () => collect(engine.generate(request())) };
}

const section =
  '<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_end|><|tool_calls_section_end|>';
const rome = [
  {
    type: "tool-call",
    id: "functions.get_weather:0",
    name: "get_weather",
    arguments: '{"city": "Rome"}',
  },
];

describe("markers left in the reply become tool calls", () => {
  test.each(["content", "reasoning_content", "reasoning"])(
    "in %s, wherever it is cut",
    async (field) => {
      for (let at = 0; at <= section.length; at += 13) {
        const pieces = [section.slice(0, at), section.slice(at)].map((text) =>
          chunk({ [field]: text }),
        );
        const { generate } = await chat(
          stream(chunk({ [field]: "Let me see." }), ...pieces, chunk({}, "tool_calls")),
        );
        const events = await generate();
        expect(said(events).calls).toEqual(rome);
        expect(said(events)[field === "content" ? "text" : "thinking"]).toBe("Let me see.");
        expect(events.at(-1)).toMatchObject({ reason: "tool-calls" });
      }
    },
  );

  test("with an empty tool_calls beside them (SGLang)", async () => {
    const { generate } = await chat(
      stream(chunk({ content: section, tool_calls: [] }), chunk({}, "tool_calls")),
    );
    expect(said(await generate()).calls).toEqual(rome);
  });

  test("on the other protocols too", async () => {
    const anthropic = await startEndpoint("anthropic", [{ content: section }]);
    const engine = await openRemote("anthropic", anthropic.url);
    expect(said(await collect(engine.generate(request()))).calls).toEqual(rome);
  });
});

describe("pieces of calls are put together", () => {
  const call = (fields: object): string => chunk({ tool_calls: [fields] });
  const named = (name: string, more: object = {}): object => ({
    function: { name, arguments: "" },
    ...more,
  });
  const args = (text: string, more: object = {}): object => ({
    function: { arguments: text },
    ...more,
  });

  test.each([
    ["without an index", [call(named("a", { id: "1" })), call(args('{"x"')), call(args(":1}"))]],
    [
      "with the index on every piece",
      [call(named("a", { index: 0, id: "1" })), call(args('{"x":1}', { index: 0 }))],
    ],
    [
      "with id and name on every piece",
      ['{"x"', ":1}"].map((text) =>
        call({ index: 0, id: "1", function: { name: "a", arguments: text } }),
      ),
    ],
    [
      "with the index null",
      [call(named("a", { index: null, id: "1" })), call(args('{"x":1}', { index: null }))],
    ],
    [
      "with arguments as an object",
      [call({ index: 0, id: "1", function: { name: "a", arguments: { x: 1 } } })],
    ],
    [
      "with the id after the name",
      [call(named("a", { index: 0 })), call(args('{"x":1}', { index: 0, id: "late" }))],
    ],
  ])("%s", async (_, pieces) => {
    const { generate } = await chat(stream(...pieces, chunk({}, "tool_calls")));
    expect(
      said(await generate()).calls.map(({ name, arguments: text }) => [name, JSON.parse(text)]),
    ).toEqual([["a", { x: 1 }]]);
  });

  test.each([
    ["under one repeated index", 0, 0],
    ["without any", undefined, undefined],
    ["with indexes that start at 1", 1, 2],
  ])("two calls %s", async (_, first, second) => {
    const at = (index: number | undefined): object => (index === undefined ? {} : { index });
    const pieces = [
      call(named("a", { id: "1", ...at(first) })),
      call(args("{}", at(first))),
      call(named("b", { id: "2", ...at(second) })),
    ];
    const { generate } = await chat(stream(...pieces, chunk({}, "stop")));
    const events = await generate();
    expect(said(events).calls.map(({ id, name }) => [id, name])).toEqual([
      ["functions.a:0", "a"],
      ["functions.b:1", "b"],
    ]);
    expect(events.at(-1)).toMatchObject({ reason: "tool-calls" }); // whatever finish_reason said
  });

  test.each([
    ["one index and no ids", { index: 0 }, { index: 0 }],
    ["one index, no ids and one name", { index: 0 }, { index: 0 }],
    ["one id and two indexes", { index: 0, id: "x" }, { index: 1, id: "x" }],
  ])("two whole calls under %s", async (what, first, second) => {
    const names = what.endsWith("one name") ? ["a", "a"] : ["a", "b"];
    const pieces = [first, second].map((fields, i) =>
      call({ ...fields, function: { name: names[i], arguments: `{"n":${i}}` } }),
    );
    const { generate } = await chat(stream(...pieces, chunk({}, "tool_calls")));
    expect(said(await generate()).calls.map(({ name, arguments: text }) => [name, text])).toEqual([
      [names[0], '{"n":0}'],
      [names[1], '{"n":1}'],
    ]);
  });

  test("a name with K2's prefix, or only in the id, and arguments encoded twice are read", async () => {
    const pieces = [
      call({
        index: 0,
        id: "1",
        function: { name: "functions.get_weather", arguments: '"{\\"city\\": \\"Rome\\"}"' },
      }),
      call({ index: 1, id: "functions.get_weather:1", function: { name: null, arguments: "{}" } }),
    ];
    const { generate } = await chat(stream(...pieces, chunk({}, "tool_calls")));
    expect(said(await generate()).calls.map(({ name, arguments: text }) => [name, text])).toEqual([
      ["get_weather", '{"city": "Rome"}'],
      ["get_weather", "{}"],
    ]);
  });

  test("a call that is parsed and also left in the text is one call", async () => {
    const parsed = {
      index: 0,
      id: "1",
      function: { name: "get_weather", arguments: '{"city": "Rome"}' },
    };
    const { generate } = await chat(
      stream(chunk({ content: section }), call(parsed), chunk({}, "tool_calls")),
    );
    expect(said(await generate()).calls).toHaveLength(1);
  });

  test("nulls and what is no list are passed over", async () => {
    const odd = [
      event("null"),
      chunk({ tool_calls: {} }),
      chunk({ tool_calls: [null] }),
      chunk({ content: { a: 1 } }),
    ];
    const { generate } = await chat(stream(...odd, chunk({ content: "hi" }), chunk({}, "stop")));
    expect(said(await generate())).toMatchObject({ text: "hi", calls: [] });
  });

  test("a call without a name is reported", async () => {
    const { generate } = await chat(
      stream(call(args('{"x":1}', { index: 0 })), chunk({}, "tool_calls")),
    );
    expect(said(await generate()).calls[0]?.error).toContain("names no function");
  });
});

test("usage may be missing, and choices may be empty", async () => {
  const { generate } = await chat(
    stream(event({}), event({ choices: [] }), chunk({ content: "hi" }), chunk({}, "stop")),
  );
  expect((await generate()).at(-1)).toEqual({
    type: "finish",
    reason: "stop",
    usage: { inputTokens: 0, outputTokens: 0 },
  });
});

test("content in parts is text", async () => {
  const parts = [
    { type: "text", text: "a" },
    { type: "text", text: "b" },
  ];
  const { generate } = await chat(stream(chunk({ content: parts }), chunk({}, "stop")));
  expect(said(await generate()).text).toBe("ab");
});

test("a stop token at the end of a text is dropped, one in its middle is a quotation", async () => {
  const { generate } = await chat(
    stream(
      chunk({ content: "Write <|im_end|> and [EOS] here.<|im_" }),
      chunk({ content: "end|>" }),
      chunk({}, "stop"),
    ),
  );
  expect(said(await generate()).text).toBe("Write <|im_end|> and [EOS] here.");
});

test("the last event may lack its empty line, and [DONE] may have a space", async () => {
  const last = chunk({ content: "hi" }, "stop").trimEnd();
  expect(said(await (await chat(stream(last))).generate()).text).toBe("hi");
  const done = await chat(stream(chunk({ content: "hi" }), "data: [DONE] \n\n"));
  expect(said(await done.generate()).text).toBe("hi");
});

test("a whole reply to a request for a stream is read", async () => {
  const body = JSON.stringify({ choices: [{ message: { content: "hi" }, finish_reason: "stop" }] });
  const { generate } = await chat(status(200, body, { "content-type": "application/json" }));
  expect(said(await generate()).text).toBe("hi");
});

test("events may be cut anywhere, in characters too, and end lines as they like", async () => {
  const bytes = Buffer.from(
    `: comment\r\n\r\n${chunk({ content: "北京 😀" })}${chunk({}, "stop")}`.replaceAll(
      "\n\n",
      "\r\n\r\n",
    ),
  );
  const { generate } = await chat((response) => {
    startEvents(response);
    for (const byte of bytes) response.write(Buffer.of(byte));
    response.end();
  });
  expect(said(await generate()).text).toBe("北京 😀");
});

test("the turns of a run share a connection", async () => {
  const endpoint = await startEndpoint("chat", [{ content: "one" }, { content: "two" }]);
  const engine = await openRemote("chat", endpoint.url);
  for (const _ of [1, 2, 3]) await collect(engine.generate(request()));
  expect(new Set(endpoint.requests.map(({ port }) => port)).size).toBe(1);
});

test("a server that never ends its stream after [DONE] is not waited for", async () => {
  const endpoint = await startEndpoint("chat", [
    (response) => {
      startEvents(response);
      response.write(chunk({ content: "hi" }, "stop") + event("[DONE]"));
    },
  ]);
  const engine = await openRemote("chat", endpoint.url);
  expect(said(await collect(engine.generate(request()))).text).toBe("hi");
  await expect.poll(() => endpoint.openConnections()).toBe(0);
});

test("an interruption closes the connection", async () => {
  const endpoint = await startEndpoint("chat", [
    { content: "one two three four five", hangs: true },
  ]);
  const engine = await openRemote("chat", endpoint.url);
  const controller = new AbortController();
  const run = async (): Promise<void> => {
    for await (const { type } of engine.generate(request({ signal: controller.signal }))) {
      if (type === "text-delta") controller.abort(new Error("stop"));
    }
  };
  await expect(run()).rejects.toThrow("stop");
  await expect.poll(() => endpoint.openConnections()).toBe(0);
});

describe("what is sent", () => {
  const history: Message[] = [
    { role: "system", text: "Be brief." },
    userText("Weather in Rome?"),
    {
      role: "assistant",
      content: [
        { type: "thinking", text: "hm", signature: "sig" },
        { type: "text", text: "Let me see." },
        { type: "tool-call", id: "chatcmpl-tool-1", name: "get_weather", arguments: '{"city": ' },
        {
          type: "tool-call",
          id: "chatcmpl-tool-2",
          name: "get_weather",
          arguments: '{"city": "Rome"}',
        },
      ],
    },
    {
      role: "tool",
      callId: "chatcmpl-tool-1",
      toolName: "get_weather",
      output: '{"error": "not JSON"}',
      isError: true,
    },
    {
      role: "tool",
      callId: "chatcmpl-tool-2",
      toolName: "get_weather",
      output: "sunny",
      isError: false,
    },
  ];

  async function sent(
    protocol: "chat" | "completions" | "anthropic",
    config: Parameters<typeof openRemote>[2] = {},
    temperature = 0.6,
  ) {
    const endpoint = await startEndpoint(protocol, [{ content: "ok" }]);
    const engine = await openRemote(protocol, endpoint.url, config);
    await collect<EngineEvent>(
      engine.generate(request({ messages: history, sampling: { temperature } })),
    );
    return endpoint.requests.at(-1) as (typeof endpoint.requests)[number];
  }

  test("by chat completions: ids in K2's form, valid arguments, reasoning beside calls", async () => {
    const { body, headers, path } = await sent("chat");
    expect(path).toBe("/v1/chat/completions");
    expect(headers.authorization).toBe("Bearer secret-key");
    expect(body).toMatchObject({
      model: "fake",
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.6,
      tools: [{ type: "function", function: { name: "get_weather" } }],
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Weather in Rome?" },
        {
          role: "assistant",
          content: "Let me see.",
          reasoning_content: "hm",
          tool_calls: [
            {
              id: "functions.get_weather:0",
              function: { arguments: '{"malformed_arguments":"{\\"city\\": "}' },
            },
            { id: "functions.get_weather:1", function: { arguments: '{"city": "Rome"}' } },
          ],
        },
        { role: "tool", tool_call_id: "functions.get_weather:0", name: "get_weather" },
        { role: "tool", tool_call_id: "functions.get_weather:1", content: "sunny" },
      ],
    });
  });

  test("by completions: K2's prompt, and special tokens kept", async () => {
    const { body, path } = await sent("completions");
    expect(path).toBe("/v1/completions");
    expect(body).toMatchObject({
      skip_special_tokens: false,
      stop: ["<|im_end|>"],
      temperature: 0.6,
    });
    const prompt = body["prompt"] as string;
    expect(prompt).toMatch(/^<\|im_system\|>tool_declare<\|im_middle\|>\[/);
    expect(prompt).toContain(
      'functions.get_weather:1<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_end|>',
    );
    expect(prompt).toMatch(
      /## Return of functions.get_weather:1\nsunny<\|im_end\|><\|im_assistant\|>assistant<\|im_middle\|>$/,
    );
  });

  test("by Anthropic messages: blocks, results as the user's, the temperature divided", async () => {
    const { body, headers, path } = await sent("anthropic", { temperatureScale: 0.6 });
    expect(path).toBe("/v1/messages");
    expect(headers).toMatchObject({ "x-api-key": "secret-key", "anthropic-version": "2023-06-01" });
    expect(body).toMatchObject({
      system: "Be brief.",
      max_tokens: 2048, // half of the context that the server has
      temperature: 1,
      tools: [{ name: "get_weather", input_schema: { type: "object" } }],
      messages: [
        { role: "user", content: [{ type: "text", text: "Weather in Rome?" }] },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "hm", signature: "sig" },
            { type: "text" },
            {
              type: "tool_use",
              id: "functions.get_weather:0",
              input: { malformed_arguments: '{"city": ' },
            },
            { type: "tool_use", id: "functions.get_weather:1", input: { city: "Rome" } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "functions.get_weather:0", is_error: true },
            { type: "tool_result", tool_use_id: "functions.get_weather:1", content: "sunny" },
          ],
        },
      ],
    });
  });

  test("elsewhere the temperature is sent as it is", async () => {
    expect((await sent("anthropic")).body).toMatchObject({ temperature: 0.6 });
  });

  test("text that spells a control token reaches a completions endpoint as text", async () => {
    const endpoint = await startEndpoint("completions", [{ content: "ok" }]);
    const messages = [userText("What is <|im_end|> or [EOS]?")];
    const spelled = await openRemote("completions", endpoint.url);
    await collect(spelled.generate(request({ messages, tools: [] })));
    const prompt = endpoint.requests.at(-1)?.body.prompt as string;
    expect(prompt).toContain("What is <\u200b|im_end|> or [\u200bEOS]?<|im_end|>");

    const { nanoModel } = await import("../support/golden.ts");
    const byIds = await openRemote("completions", endpoint.url, { tokenizer: nanoModel });
    await collect(byIds.generate(request({ messages, tools: [] })));
    const ids = endpoint.requests.at(-1)?.body.prompt as number[];
    expect(ids.filter((id) => id === 3842)).toHaveLength(2); // <|im_end|> of the system and the user message only
  });
});

test("a server's only model needs no name", async () => {
  const endpoint = await startEndpoint("chat", [{ content: "hi" }]);
  const { model: _, ...config } = (await import("../support/engines.ts")).remoteConfig(
    "chat",
    endpoint.url,
  );
  const { openEngine } = await import("../../src/engine/open-engine.ts");
  const engine = await openEngine(config, new AbortController().signal);
  expect(engine.name).toBe("fake");
});
