import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  heldReply,
  startChat,
  storedIn,
  testTool,
  textPart,
} from "../../support/chat-controller.ts";
import { calls, ScriptedEngine, text } from "../../support/scripted-engine.ts";
import { KimiError } from "../../../src/errors.ts";
import { textOf } from "../../../src/message.ts";

const gate = (): { promise: Promise<void>; resolve: () => void } => Promise.withResolvers<void>();

const broken = new KimiError("the server sk-secret is gone", { code: "gone", hint: "Wait." });

describe("what is said", () => {
  test("is printed, answered, and kept", async () => {
    const { say, idle, lines, folder, store, chat, history } = startChat();
    say("hi");
    expect(chat.isWorking).toBe(true);
    await idle();
    expect(lines()).toEqual(["user: hi", "text: Hello."]);
    expect(storedIn(folder)).toEqual(["user: hi", "assistant: Hello."]);
    expect(store.state).toMatchObject({ working: undefined, contextTokens: 15 });
    expect(chat.resources.modelName).toBe("scripted");
    expect(history).toEqual(["hi"]);
  });

  test("is nothing when it is blank", () => {
    const { say, lines, engine, chat } = startChat();
    say(" \n ");
    chat.steer({ shown: " ", text: " " });
    expect([lines(), engine.requests]).toEqual([[], []]);
  });

  test("shows a large paste by its label, and sends it whole", async () => {
    const { chat, idle, lines, folder } = startChat();
    chat.submit({ shown: "see [pasted]", text: "see it all" });
    await idle();
    expect(lines()[0]).toBe("user: see [pasted]");
    expect(storedIn(folder)[0]).toBe("user: see it all");
  });

  test("takes along the files that it names, not those that a large paste names", async () => {
    const asked: string[] = [];
    const attach = (said: string) => (asked.push(said), [textPart("\nfile")]);
    const { chat, idle, folder } = startChat({ services: { attach } });
    chat.submit({ shown: "@a [pasted 9 lines]", text: "@a see @b" });
    await idle();
    expect(asked).toEqual(["@a [pasted 9 lines]"]);
    expect(storedIn(folder)[0]).toBe("user: @a see @b\nfile");
  });

  test("is not sent when a file can't be attached", () => {
    const attach = (): never => {
      throw broken;
    };
    const { say, engine, lines, chat } = startChat({ services: { attach } });
    expect(() => say("see @a")).toThrow(broken);
    expect([engine.requests, lines(), chat.isWorking]).toEqual([[], [], false]);
  });

  test.each([
    ["/usr/bin is a folder"],
    ["/etc/passwd"],
    ["// a comment"],
    ["/ is the root"],
    ["a\n/help"],
  ])("is for the model: %j", async (said) => {
    const { say, idle, folder } = startChat();
    say(said);
    await idle();
    expect(storedIn(folder)[0]).toBe(`user: ${said}`);
  });
});

describe("while the model works", () => {
  test("what is said waits, and is said in order", async () => {
    const { promise, resolve } = gate();
    const { say, idle, lines, store, folder } = startChat({
      steps: [heldReply(promise), text("two"), text("three")],
    });
    say("1");
    say("2");
    say("3");
    expect(store.state.queued).toEqual(["2", "3"]);
    resolve();
    await idle();
    expect(lines()).toEqual([
      "user: 1",
      "text: So far.",
      "user: 2",
      "text: two",
      "user: 3",
      "text: three",
    ]);
    expect(store.state.queued).toEqual([]);
    expect(storedIn(folder)).toHaveLength(6);
  });

  test("what is steered is said after the step, before the rest", async () => {
    const { promise, resolve } = gate();
    const tool = testTool("look", "read", async () => (await promise, "seen"));
    const { say, chat, idle, lines, engine, store } = startChat({
      steps: [calls(["look", "{}"]), text("done"), text("later")],
      tools: [tool],
    });
    say("go");
    await expect.poll(() => store.state.calls.length).toBe(1);
    say("queued");
    chat.steer({ shown: "to the left", text: "to the left" });
    expect(store.state.steering).toEqual(["to the left"]);
    resolve();
    await idle();
    expect(lines()).toEqual([
      "user: go",
      "tool look it: seen",
      "steering: to the left",
      "text: done",
      "user: queued",
      "text: later",
    ]);
    expect(engine.requests[1]?.messages.map(textOf)).toEqual(["go", "", "seen", "to the left"]);
    expect(store.state.steering).toEqual([]);
  });

  test("what is steered into the last step is answered, too", async () => {
    const { promise, resolve } = gate();
    const { say, chat, idle, lines } = startChat({ steps: [heldReply(promise), text("yes")] });
    say("go");
    chat.steer({ shown: "really?", text: "really?" });
    resolve();
    await idle();
    expect(lines()).toEqual(["user: go", "text: So far.", "steering: really?", "text: yes"]);
  });

  test("what is steered at rest is said", async () => {
    const { chat, idle, lines } = startChat();
    chat.steer({ shown: "hi", text: "hi" });
    await idle();
    expect(lines()).toEqual(["user: hi", "text: Hello."]);
  });

  test("an interruption keeps what was said, and gives back what waits", async () => {
    const { say, chat, idle, lines, screen, store, folder } = startChat({
      steps: [heldReply(new Promise(() => {}))],
    });
    say("go");
    say("second");
    chat.steer({ shown: "first", text: "first" });
    await expect.poll(() => lines().length).toBe(2);
    chat.interrupt();
    await idle();
    expect(lines()).toEqual(["user: go", "text: So far", "warning: interrupted"]);
    expect(screen).toEqual(["put back: first\nsecond"]);
    expect(store.state).toMatchObject({ queued: [], steering: [], working: undefined });
    expect(storedIn(folder)).toEqual(["user: go", "assistant: So far"]);
  });

  test("an error is told with what to do, without a key, and gives back what waits", async () => {
    const { promise, resolve } = gate();
    const failing = heldReply(promise.then(() => Promise.reject(broken)));
    const { say, idle, lines, screen, folder } = startChat({ steps: [failing, text("again")] });
    say("go");
    say("more");
    resolve();
    await idle();
    expect(lines()).toEqual([
      "user: go",
      "text: So far",
      "error: the server sk-… is gone\nhint: Wait.",
    ]);
    expect(screen).toEqual(["put back: more"]);
    expect(storedIn(folder)).toEqual(["user: go"]);
    say("more");
    await idle();
    expect(lines().slice(3)).toEqual(["user: more", "text: again"]);
  });

  test("a program error is told, too, and the conversation goes on", async () => {
    const { say, idle, lines } = startChat({ steps: [new TypeError("oops"), text("fine")] });
    say("go");
    await idle();
    say("go on");
    await idle();
    expect(lines()).toEqual(["user: go", "error: oops", "user: go on", "text: fine"]);
  });
});

describe("the engine", () => {
  test("is opened once, for the first message, and again if that failed", async () => {
    let opened = 0;
    const engine = new ScriptedEngine(text("hi"));
    const openEngine = async () => {
      if (++opened === 1) throw broken;
      return engine;
    };
    const { say, idle, lines, chat } = startChat({ services: { openEngine } });
    expect([opened, chat.resources.modelName, chat.resources.contextWindow]).toEqual([
      0,
      "configured",
      0,
    ]);
    for (const said of ["one", "two", "three"]) {
      say(said);
      await idle();
    }
    expect(opened).toBe(2);
    expect(chat.resources.contextWindow).toBe(1_000);
    expect(lines().slice(1, 4)).toEqual([
      "error: the server sk-… is gone\nhint: Wait.",
      "user: two",
      "text: hi",
    ]);
  });

  test("that is being opened can be interrupted", async () => {
    const openEngine = (_: unknown, signal: AbortSignal): Promise<never> =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    const { say, chat, idle, lines } = startChat({ services: { openEngine } });
    say("go");
    chat.interrupt();
    await idle();
    expect(lines()).toEqual(["user: go", "error: interrupted"]);
  });
});

describe("the end", () => {
  test("waits for the last words, and leaves no lock", async () => {
    const { say, chat, lines, folder } = startChat({ steps: [heldReply(new Promise(() => {}))] });
    say("go");
    await expect.poll(() => lines().length).toBe(2);
    expect(existsSync(join(folder, "one.jsonl.lock"))).toBe(true);
    await chat.close();
    expect(existsSync(join(folder, "one.jsonl.lock"))).toBe(false);
    expect(storedIn(folder)).toEqual(["user: go", "assistant: So far"]);
  });

  test("leaves no file where nothing was said", async () => {
    const { chat, folder } = startChat();
    await chat.close();
    expect(existsSync(join(folder, "one.jsonl"))).toBe(false);
  });
});
