/** Tools that are hard to call rightly, and calls of them that a model at temperature 2 is made to begin. */
import type { EngineEvent } from "../../src/engine/engine.ts";
import { callBegin, sectionBegin } from "../../src/engine/kimi/control-tokens.ts";
import { kimiDialect } from "../../src/engine/kimi/kimi-dialect.ts";
import type { PromptPiece, TextEvent, TextModel } from "../../src/engine/text-engine.ts";
import { userText, type ToolSpec } from "../../src/message.ts";

const short = { type: "string", maxLength: 8 };

function tool(name: string, properties: object, more: object = {}): ToolSpec {
  return {
    name,
    description: `Does ${name}.`,
    parameters: {
      type: "object",
      properties,
      required: Object.keys(properties).slice(0, 2),
      additionalProperties: false,
      ...more,
    },
  };
}

const countries = Array.from({ length: 40 }, (_, i) => `Land-${i.toString(36)}-${"xyz"[i % 3]}`);

export const adversarialTools: readonly ToolSpec[] = [
  tool("get", {
    city: short,
    unit: { enum: ["celsius", "fahrenheit", "K", 'a "quoted" one', null, 3, 31] },
  }),
  tool("get_weather", {
    city: { ...short, minLength: 3 },
    days: { type: "integer", minimum: 3, maximum: 14 },
  }),
  tool("get_weather_now", { land: { enum: countries }, precise: { type: "boolean" } }),
  tool("天气-über.v2", {
    城市: { enum: ["北京", "上海", "São Paulo", "😀"] },
    größe: { type: "number", exclusiveMinimum: 0, maximum: 1.5 },
  }),
  tool("book", {
    date: { type: "string", pattern: "^20\\d{2}-(0[1-9]|1[0-2])-[0-3]\\d$" },
    seats: {
      type: "array",
      items: { type: "string", pattern: "^[A-F]\\d{1,2}$" },
      minItems: 1,
      maxItems: 3,
    },
    class: { type: ["string", "null"], enum: ["first", "second", null] },
  }),
  tool(
    "draw",
    {
      shape: {
        anyOf: [
          {
            type: "object",
            properties: {
              kind: { const: "circle" },
              r: { type: "number", minimum: 0.5, maximum: 2 },
            },
            required: ["kind", "r"],
            additionalProperties: false,
          },
          {
            type: "object",
            properties: { kind: { const: "line" }, to: { $ref: "#/$defs/point" } },
            required: ["kind", "to"],
            additionalProperties: false,
          },
        ],
      },
      at: { $ref: "#/$defs/point" },
    },
    {
      $defs: {
        point: {
          type: "array",
          prefixItems: [
            { type: "integer", multipleOf: 5, minimum: -20, maximum: 40 },
            { type: "integer", multipleOf: 7 },
          ],
          items: false,
          minItems: 2,
        },
      },
    },
  ),
  tool(
    "tree",
    { root: { $ref: "#/$defs/node" } },
    {
      required: [],
      $defs: {
        node: {
          type: "object",
          properties: {
            id: { type: "integer", minimum: 0, maximum: 99 },
            left: { $ref: "#/$defs/node" },
          },
          required: ["id"],
          additionalProperties: false,
        },
      },
    },
  ),
  tool(
    "tags",
    {},
    { minProperties: 1, maxProperties: 2, additionalProperties: { enum: ["on", "off"] } },
  ),
  tool(
    "split",
    { a: { type: "string" } },
    {
      allOf: [{ properties: { b: { type: "integer", maximum: 9 } } }, { required: ["b"] }],
      additionalProperties: true,
      maxProperties: 2,
    },
  ),
];

const prompts = [
  "What's the weather like in Beijing today? Use the tool to check.",
  "写一首诗。",
  'Say <|tool_call_end|>, {"a": "\\u00',
  "Book a seat; draw a circle; plant a tree.",
];

export interface AdversarialReply {
  readonly calls: readonly (EngineEvent & { readonly type: "tool-call" })["call"][];
  readonly reason: string;
}

/** A reply of at most 120 tokens at temperature 2 that is made to begin with a call, by either marker. */
export async function adversarialReply(model: TextModel, seed: number): Promise<AdversarialReply> {
  // The same tools for some time, since their declarations are most of the prompt.
  const first = (Math.floor(seed / 20) * 3) % adversarialTools.length;
  const tools = adversarialTools.slice(first, first + 3);
  const messages = [userText(prompts[seed % prompts.length] ?? "")];
  const written = kimiDialect.write({ messages, tools });
  const { prompt, stop, constraint } = written;
  const token = seed % 5 === 0 ? callBegin : sectionBegin;
  const forced: PromptPiece & TextEvent = { type: "control", token };
  const begun = constraint?.nextControl(token);
  if (!begun) throw new Error("no constraint");
  const output = model.complete({
    prompt: [...prompt, forced],
    stop,
    constraint: begun,
    sampling: { temperature: 2, seed, maxTokens: 120 },
    signal: new AbortController().signal,
  });
  async function* whole(): AsyncGenerator<TextEvent, void> {
    yield forced;
    yield* output;
  }
  const calls: AdversarialReply["calls"][number][] = [];
  for await (const event of written.read(whole())) {
    if (event.type === "tool-call") calls.push(event.call);
    if (event.type === "finish") return { calls, reason: event.reason };
  }
  throw new Error("no finish");
}
