import { expect, test } from "vitest";
import { event as sse, startEndpoint, startEvents } from "../support/fake-endpoint.ts";
import { startInTerminal } from "../support/terminal.ts";

const weather = { KIMI_WEATHER_GEOCODING_URL: "http://127.0.0.1:1" };

test("a person sees the tool, then the answer, and no trace of the loading", async () => {
  const terminal = startInTerminal(
    [
      "run",
      "What's the weather like in Beijing today? Use the tool to check.",
      "--tools",
      "weather",
    ],
    { env: weather },
  );
  expect(await terminal.ended).toBe(0);
  const [start, end, ...answer] = terminal.screen().split("\n"); // the answer is wider than the screen
  expect(start).toBe("→ weather in Beijing");
  expect(end).toMatch(/^← weather in Beijing: ok \(\d+ ms\)$/);
  expect(answer.join("")).toMatch(/^I have no live weather for Beijing\. In .*°C\.$/);
});

test("an answer is shown as it comes, wide characters and all", async () => {
  const gate = Promise.withResolvers<void>();
  const { url } = await startEndpoint("chat", [
    (response) => {
      startEvents(response);
      response.write(sse({ choices: [{ delta: { content: "北京 😀 is " } }] }));
      void gate.promise.then(() =>
        response.end(sse({ choices: [{ delta: { content: "big." }, finish_reason: "stop" }] })),
      );
    },
  ]);
  const terminal = startInTerminal(["run", "q", "--base-url", url]);
  await terminal.waitFor("北京 😀 is");
  expect(terminal.screen()).not.toContain("big");
  gate.resolve();
  expect(await terminal.ended).toBe(0);
  expect(terminal.screen()).toBe("北京 😀 is big.");
});

test("control sequences of a model and of a tool's summary do not reach the terminal", async () => {
  const { url } = await startEndpoint("chat", [
    { calls: [{ name: "calculate", arguments: '{"expression": "1 + \\u001b]0;owned\\u0007 1"}' }] },
    { content: "a\u001b]0;owned\u0007b\u001b[2Jc" },
  ]);
  const terminal = startInTerminal(["run", "q", "--base-url", url, "--tools", "calculator"]);
  await terminal.ended;
  expect(terminal.raw()).not.toContain("\u001b]0");
  expect(terminal.raw()).not.toContain("\u001b[2J");
  expect(terminal.screen()).toContain("abc");
});

test("Ctrl-C ends the run and leaves what was said", async () => {
  const { url } = await startEndpoint("chat", [{ content: "one two three four", hangs: true }]);
  const terminal = startInTerminal(["run", "q", "--base-url", url]);
  await terminal.waitFor("one");
  terminal.type("\u0003");
  expect(await terminal.ended).toBe(130);
  expect(terminal.screen()).toContain("interrupted by SIGINT");
});

test("what is said of a run stands on a line of its own", async () => {
  const { url } = await startEndpoint("chat", [{ content: "Hello." }]);
  const terminal = startInTerminal(["run", "q", "--base-url", url, "--verbose"]);
  await terminal.ended;
  expect(terminal.screen()).toMatch(/^Hello\.\n1 turn,/m);
});

test("without a prompt there is nothing to wait for", async () => {
  const terminal = startInTerminal(["run"]);
  expect(await terminal.ended).toBe(2);
  expect(terminal.screen()).toContain("kimi: there is no prompt");
});
