/** What other tests and the README say of the embedded model's answers holds whenever they are run. */
import { afterEach, expect, test, vi } from "vitest";
import type { AgentEvent } from "../../../../src/agent/events.ts";
import { runAgent } from "../../../../src/agent/agent.ts";
import type { Tool } from "../../../../src/agent/tool.ts";
import { textOf, userText } from "../../../../src/message.ts";
import { clock } from "../../../../tools/clock.ts";
import { weather } from "../../../../tools/weather.ts";
import { openNano } from "../../../support/engines.ts";
import { collect } from "../../../support/events.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

/** @returns the last reply */
async function answer(engine: Awaited<ReturnType<typeof openNano>>, text: string, tools: Tool[]) {
  const events: AgentEvent[] = await collect(
    runAgent({
      engine,
      messages: [userText(text)],
      tools,
      sampling: { temperature: 0 },
      maxTurns: 5,
      approve: async () => ({ decision: "allow" }),
      signal: new AbortController().signal,
    }),
  );
  const last = events.findLast((event) => event.type === "message");
  return last?.type === "message" ? textOf(last.message) : "";
}

test("the weather of every month is answered in the same words", async () => {
  vi.stubEnv("KIMI_WEATHER_GEOCODING_URL", "http://127.0.0.1:1");
  vi.useFakeTimers({ toFake: ["Date"] });
  const engine = await openNano();
  const strange: string[] = [];
  for (let month = 0; month < 12; month++) {
    vi.setSystemTime(new Date(2027, month, 15));
    for (const [question, pattern] of [
      [
        "What's the weather like in Beijing today? Use the tool to check.",
        /^I have no live weather for Beijing\. In \w+ it is typically [\w ]+ there, around -?\d+°C\.$/,
      ],
      ["What's the weather in Tokyo?", /^I have no live weather for Tokyo\. /],
      ["What's the weather in Paris?", /^I have no live weather for Paris\. /],
      ["What's the weather in Tokyo and Paris?", /Tokyo.*Paris/],
    ] as const) {
      const said = await answer(engine, question, [weather]);
      if (!pattern.test(said)) strange.push(`${month + 1}: ${said}`);
    }
  }
  expect(strange).toEqual([]);
});

test("the time is told in the same words at every hour of every month", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const engine = await openNano();
  const strange: string[] = [];
  for (let sample = 0; sample < 60; sample++) {
    vi.setSystemTime(new Date(2026, 0, 1).getTime() + sample * 86_461_000 * 31.3);
    const said = await answer(engine, "What time is it in Tokyo?", [clock]);
    if (!/^It is .* in Tokyo on .*\.$/.test(said))
      strange.push(`${new Date().toISOString()}: ${said}`);
  }
  expect(strange).toEqual([]);
});
