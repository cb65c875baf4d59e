import { expect, onTestFinished, test } from "vitest";
import { compileSchema } from "../../../../src/agent/json-schema.ts";
import type { Sampling } from "../../../../src/engine/engine.ts";
import { kimiDialect } from "../../../../src/engine/kimi/kimi-dialect.ts";
import { callBegin } from "../../../../src/engine/kimi/control-tokens.ts";
import { LlamaTextModel } from "../../../../src/engine/local/llama-text-model.ts";
import { openEngine } from "../../../../src/engine/open-engine.ts";
import { readChatRequest } from "../../../../src/engine/remote/read-chat-request.ts";
import type { ReplyState, TextEvent } from "../../../../src/engine/text-engine.ts";
import {
  readArguments,
  toolCallsOf,
  userText,
  type Message,
  type ToolSpec,
} from "../../../../src/message.ts";
import { declare } from "../../../../src/engine/kimi/prompt-writer.ts";
import { adversarialReply, adversarialTools } from "../../../support/adversarial-calls.ts";
import { cacheFolder, request, weatherSpec } from "../../../support/engines.ts";
import { collect, said } from "../../../support/events.ts";
import { nanoModel, readGolden } from "../../../support/golden.ts";

function open(constrain = true): LlamaTextModel {
  const model = new LlamaTextModel({ path: nanoModel, cacheFolder, constrain });
  onTestFinished(() => model.close());
  return model;
}

interface Asked {
  readonly messages: readonly Message[];
  readonly tools: readonly ToolSpec[];
  readonly sampling: Sampling;
  readonly isConstrained: boolean;
}

/** The whole reply, control tokens spelled. */
async function reply(model: LlamaTextModel, { isConstrained, ...asked }: Asked): Promise<string> {
  const { prompt, stop, constraint } = kimiDialect.write(asked);
  const events = await collect(
    model.complete({
      prompt,
      stop,
      sampling: asked.sampling,
      signal: new AbortController().signal,
      ...(isConstrained && constraint ? { constraint } : {}),
    }),
  );
  return spell(events);
}

/** The tool of a chat-completions request. */
function specOf(tool: object): ToolSpec {
  return (tool as { readonly function: ToolSpec }).function;
}

function spell(events: readonly TextEvent[]): string {
  return events
    .map((event) =>
      event.type === "text" ? event.text : event.type === "control" ? event.token : "",
    )
    .join("");
}

test("200 calls begun at temperature 2, of tools that are hard to call, are all valid", async () => {
  const model = open();
  const validators = new Map(
    adversarialTools.map(({ name, parameters }) => [name, compileSchema(parameters)]),
  );
  const called = new Set<string>();
  let count = 0;
  for (let seed = 0; count < 200; seed++) {
    for (const call of (await adversarialReply(model, seed)).calls) {
      count++;
      called.add(call.name);
      expect(call.error).toBeUndefined();
      const validate = validators.get(call.name);
      expect(validate, call.name).toBeDefined();
      expect(validate?.(JSON.parse(call.arguments)), call.arguments).toBeUndefined();
    }
  }
  expect(called.size).toBeGreaterThan(6);
}, 300_000);

/** What is said before a call, which a constraint may have to make another. */
const textOf = (written: string): string | undefined => written.split("<|tool_call")[0];

test("text at temperature 1 is the same with and without the constraint", async () => {
  const model = open();
  const asked = { messages: [userText("Tell me something.")], tools: [weatherSpec] };
  const answers = new Set<string>();
  for (let seed = 0; seed < 16; seed++) {
    const sampling = { temperature: 1, seed, maxTokens: 30 };
    await reply(model, { ...asked, sampling: { maxTokens: 1 }, isConstrained: false }); // now it is in the cache
    const free = await reply(model, { ...asked, sampling, isConstrained: false });
    const held = await reply(model, { ...asked, sampling, isConstrained: true });
    expect(textOf(held)).toBe(textOf(free));
    answers.add(free);
  }
  expect(answers.size).toBeGreaterThan(3);
});

/** Whether the calls of a whole reply are right without our constraint's help: declared, counted, valid. */
function isValid(text: string, { messages, tools }: Pick<Asked, "messages" | "tools">): boolean {
  const calls = [
    ...text.matchAll(
      /<\|tool_call_begin\|>(.*?)<\|tool_call_argument_begin\|>(.*?)<\|tool_call_end\|>/gs,
    ),
  ];
  const made = messages.flatMap((message) =>
    message.role === "assistant" ? toolCallsOf(message) : [],
  );
  return calls.every(([, id, json = ""], index) => {
    const tool = tools.find(({ name }) => id === `functions.${name}:${made.length + index}`);
    const read = readArguments(json);
    return tool && "value" in read && compileSchema(tool.parameters)(read.value) === undefined;
  });
}

const question = (text: string): object => ({
  messages: [{ role: "user", content: text }],
  tools: declare([weatherSpec, calculatorSpec]),
});
const calculatorSpec: ToolSpec = {
  name: "calculate",
  description: "Evaluate an arithmetic expression exactly. Call this for any arithmetic.",
  parameters: {
    type: "object",
    properties: {
      expression: { type: "string", description: "Arithmetic expression, for example (2 + 3) * 4" },
    },
    required: ["expression"],
    additionalProperties: false,
  },
};
const questions = [
  "What's the weather like in Beijing today? Use the tool to check.",
  "What is the weather in Tokyo?",
  "What's the weather in Paris and in Rome?",
  "What is 12 * 34?",
  "What is (2 + 3) * 4?",
  "北京今天天气怎么样？",
  "Hello!",
].map(question);

test("greedy replies whose calls are valid anyway are the same to the letter", async () => {
  const model = open();
  const golden = readGolden<object[]>("prompts.json").slice(0, 20);
  const compared = { calls: 0, texts: 0 };
  for (const item of [...questions, ...golden]) {
    const { messages, tools: declared } = readChatRequest(item);
    const asked = {
      messages,
      tools: declared.map(specOf),
      sampling: { temperature: 0, maxTokens: 60 },
    };
    await reply(model, { ...asked, sampling: { maxTokens: 1 }, isConstrained: false }); // now it is in the cache
    const free = await reply(model, { ...asked, isConstrained: false });
    const held = await reply(model, { ...asked, isConstrained: true });
    expect(isValid(held, asked), held).toBe(true);
    if (!isValid(free, asked)) continue;
    expect(held).toBe(free);
    compared[free.includes(callBegin) ? "calls" : "texts"]++;
  }
  expect(compared.calls).toBeGreaterThan(5);
  expect(compared.texts).toBeGreaterThan(5);
}, 120_000);

test("a call that a token limit cuts off is no call, and ends by length", async () => {
  const engine = await openEngine(
    { type: "local", path: nanoModel, cacheFolder },
    new AbortController().signal,
  );
  onTestFinished(() => engine.close());
  const events = await collect(
    engine.generate(request({ sampling: { temperature: 0, maxTokens: 9 } })),
  );
  expect(said(events).calls).toEqual([]);
  expect(events.at(-1)).toMatchObject({ reason: "length" });
});

test("where nothing may follow the reply goes on freely", async () => {
  const model = open();
  const nothing: ReplyState = { nextByte: () => undefined, nextControl: () => undefined };
  const { prompt, stop } = kimiDialect.write({ messages: [userText("Hello")], tools: [] });
  const ask = async (constraint?: ReplyState): Promise<string> =>
    spell(
      await collect(
        model.complete({
          prompt,
          stop,
          sampling: { temperature: 0, maxTokens: 20 },
          signal: new AbortController().signal,
          ...(constraint ? { constraint } : {}),
        }),
      ),
    );
  await ask();
  expect(await ask(nothing)).toBe(await ask());
});

test("a model that is opened without constraints keeps to none", async () => {
  const model = open(false);
  const { calls } = await adversarialReply(model, 5);
  const names = new Set(adversarialTools.map(({ name }) => name));
  expect(calls.every(({ name }) => names.has(name))).toBe(false);
});
