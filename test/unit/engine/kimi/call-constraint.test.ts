import { expect, test } from "vitest";
import * as token from "../../../../src/engine/kimi/control-tokens.ts";
import { kimiDialect } from "../../../../src/engine/kimi/kimi-dialect.ts";
import type { ReplyState } from "../../../../src/engine/text-engine.ts";
import { userText, type Message, type ToolSpec } from "../../../../src/message.ts";
import { weatherSpec } from "../../../support/engines.ts";

const clock: ToolSpec = { name: "get_weather_time", description: "", parameters: {} };
const earlier: Message = {
  role: "assistant",
  content: [{ type: "tool-call", id: "x", name: "get_weather", arguments: "{}" }],
};

function startState(messages: readonly Message[] = [userText("hi")]): ReplyState {
  const { constraint } = kimiDialect.write({ messages, tools: [weatherSpec, clock] });
  if (!constraint) throw new Error("no constraint");
  return constraint;
}

/** Texts and control tokens in turn; what is a control token is known by its name. */
function follow(state: ReplyState | undefined, ...pieces: string[]): ReplyState | undefined {
  const controls = new Set<string>([
    ...token.stopTokens,
    token.sectionBegin,
    token.sectionEnd,
    token.callBegin,
    token.argumentBegin,
    token.callEnd,
    token.imUser,
  ]);
  let at = state;
  for (const piece of pieces) {
    if (controls.has(piece)) at = at?.nextControl(piece);
    else for (const byte of new TextEncoder().encode(piece)) at = at?.nextByte(byte);
  }
  return at;
}

const call = (id: string, text: string): string[] => [
  token.callBegin,
  id,
  token.argumentBegin,
  text,
  token.callEnd,
];
const rome = '{"city": "Rome"}';

test("without tools nothing is constrained", () => {
  expect(kimiDialect.write({ messages: [], tools: [] }).constraint).toBeUndefined();
});

test("outside calls everything may follow", () => {
  const start = startState();
  expect(follow(start, "any text", token.callEnd, token.imEnd, "\n{", token.sectionEnd)).toBe(
    start,
  );
});

test("a section has calls and nothing else, and at least one", () => {
  const section = follow(startState(), "Let me see.", token.sectionBegin);
  for (const other of [" ", "text", token.sectionEnd, token.sectionBegin, ...token.stopTokens])
    expect(follow(section, other), other).toBeUndefined();
  const one = follow(section, ...call("functions.get_weather:0", rome));
  for (const other of ["\n", token.imEnd, token.argumentBegin])
    expect(follow(one, other), other).toBeUndefined();
  expect(follow(one, token.sectionEnd, token.imEnd, "free again")).toBeDefined();
});

test.each([
  "functions.get_weather:1",
  "functions.get_weather:00",
  "functions.get_weathe:0",
  "functions.get_weather_:0",
  "get_weather:0",
  "functions.get_weather",
  " functions.get_weather:0",
])("the header %j is refused", (id) => {
  expect(
    follow(startState(), token.sectionBegin, token.callBegin, id, token.argumentBegin),
  ).toBeUndefined();
});

test("names that begin alike are told apart, and arguments are those of the tool that is named", () => {
  const begun = follow(startState(), token.sectionBegin, token.callBegin, "functions.get_weather");
  expect(follow(begun, ":0", token.argumentBegin, rome, token.callEnd)).toBeDefined();
  expect(follow(begun, ":0", token.argumentBegin, "{}", token.callEnd)).toBeUndefined();
  expect(follow(begun, "_time:0", token.argumentBegin, "{}", token.callEnd)).toBeDefined();
});

test("calls are counted over the conversation, in a reply and over its sections", () => {
  const start = startState([userText("hi"), earlier]);
  expect(
    follow(start, token.sectionBegin, ...call("functions.get_weather:0", rome)),
  ).toBeUndefined();
  const two = follow(
    start,
    token.sectionBegin,
    ...call("functions.get_weather:1", rome),
    ...call("functions.get_weather_time:2", "{}"),
    token.sectionEnd,
  );
  expect(two).toBeDefined();
  expect(follow(two, token.sectionBegin, ...call("functions.get_weather:3", rome))).toBeDefined();
  expect(follow(two, token.sectionBegin, ...call("functions.get_weather:2", rome))).toBeUndefined();
});

test("a call without a section is held to the same, and its end is free", () => {
  expect(follow(startState(), ...call("functions.unknown:0", "{}"))).toBeUndefined();
  const after = follow(startState(), ...call("functions.get_weather:0", rome));
  expect(follow(after, token.imEnd)).toBeDefined();
  expect(follow(after, token.sectionEnd)).toBeDefined();
  expect(follow(after, ...call("functions.get_weather:1", rome))).toBeDefined();
});

test("inside a call no control token may come but the one that goes on", () => {
  const states = [
    [token.callBegin],
    [token.callBegin, "functions.get_weather:0"],
    [token.callBegin, "functions.get_weather:0", token.argumentBegin],
    [token.callBegin, "functions.get_weather:0", token.argumentBegin, '{"city": "Ro'],
    [token.callBegin, "functions.get_weather:0", token.argumentBegin, rome],
  ].map((pieces) => follow(startState(), token.sectionBegin, ...pieces));
  const allowed = states.map((state) =>
    [
      ...token.stopTokens,
      token.imUser,
      token.sectionEnd,
      token.callBegin,
      token.argumentBegin,
      token.callEnd,
    ].filter((control) => state?.nextControl(control)),
  );
  expect(allowed).toEqual([[], [token.argumentBegin], [], [], [token.callEnd]]);
});

test("a tool whose schema nothing satisfies can be called with any object", () => {
  const impossible: ToolSpec = {
    name: "f",
    description: "",
    parameters: { type: "object", required: ["a"], properties: { a: false } },
  };
  const { constraint } = kimiDialect.write({ messages: [], tools: [impossible] });
  expect(follow(constraint, ...call("functions.f:0", '{"b": 1}'))).toBeDefined();
  expect(follow(constraint, ...call("functions.f:0", "[]"))).toBeUndefined();
});
