import { describe, expect, test } from "vitest";
import {
  heldReply,
  sayAll,
  startChat,
  storedIn,
  testTool,
  type ChatSetup,
} from "../../support/chat-controller.ts";
import { ScriptedEngine, text } from "../../support/scripted-engine.ts";
import { KimiError } from "../../../src/errors.ts";
import { commands } from "../../../src/ui/commands.ts";

const all = [
  "/help", "/model", "/tools", "/system", "/clear", "/compact", "/sessions", "/resume", "/export",
  "/copy", "/retry", "/edit", "/undo", "/usage", "/config", "/theme", "/exit",
]; // prettier-ignore

test("there are the commands that are promised, and help tells of each", async () => {
  expect(commands.map(({ name }) => `/${name}`)).toEqual(all);
  const [help = ""] = await sayAll(startChat(), "/help");
  for (const name of all) expect(help).toContain(name);
});

describe("a command", () => {
  test("that there is not is told, and nothing is sent", async () => {
    const tested = startChat();
    expect(await sayAll(tested, "/nope at all")).toEqual([
      "error: there is no command /nope\nhint: /help lists them.",
    ]);
    expect(tested.engine.requests).toEqual([]);
    expect(tested.history).toEqual(["/nope at all"]);
  });

  test.each([
    ["/clear"],
    ["/compact"],
    ["/resume one"],
    ["/retry"],
    ["/edit"],
    ["/undo"],
    ["/model other"],
  ])("%s has to wait while the model works", async (command) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const tested = startChat({ steps: [heldReply(promise)] });
    tested.say("go");
    tested.say(command);
    await expect
      .poll(() => tested.lines())
      .toContain("error: the model is working\nhint: Esc interrupts it.");
    resolve();
    await tested.idle();
    expect(storedIn(tested.folder)).toEqual(["user: go", "assistant: So far."]);
  });

  test.each([
    ["/help"],
    ["/model"],
    ["/tools"],
    ["/system"],
    ["/sessions"],
    ["/export"],
    ["/usage"],
    ["/config"],
    ["/theme dark"],
  ])("%s answers while the model works", async (command) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const tested = startChat({ steps: [heldReply(promise)], tools: [testTool("look")] });
    tested.say("go");
    tested.chat.steer({ shown: command, text: command });
    await expect.poll(() => tested.lines().some((line) => line.startsWith("info: "))).toBe(true);
    expect(tested.store.state.steering).toEqual([]);
    resolve();
    await tested.idle();
  });

  test("is in force for what is said right after it", async () => {
    const tested = startChat({ tools: [testTool("look"), testTool("listen")] });
    tested.say("/tools off look");
    tested.say("hi");
    await tested.idle();
    expect(tested.engine.requests[0]?.tools.map(({ name }) => name)).toEqual(["listen"]);
  });
});

describe("/model", () => {
  const twoModels = (
    other: () => Promise<ScriptedEngine>,
  ): ChatSetup & { first: ScriptedEngine } => {
    const first = new ScriptedEngine(text("from the first"));
    const openEngine = async (name: string | undefined) => (name === undefined ? first : other());
    return { first, services: { openEngine } };
  };

  test("names the model and the others", async () => {
    expect(await sayAll(startChat(), "hi", "/model")).toEqual([
      "info: the model is scripted\n  other",
    ]);
  });

  test("goes on with another one", async () => {
    const other = new ScriptedEngine(text("from the other"));
    const tested = startChat(twoModels(async () => other));
    expect(await sayAll(tested, "hi", "/model other")).toEqual(["info: the model is scripted"]);
    expect(await sayAll(tested, "hi again")).toEqual(["user: hi again", "text: from the other"]);
    expect(other.requests[0]?.messages).toHaveLength(3);
  });

  test("that can't be had keeps the one there is", async () => {
    const failing = new KimiError("no such model", { code: "x", hint: "Choose another." });
    const tested = startChat(twoModels(() => Promise.reject(failing)));
    expect(await sayAll(tested, "hi", "/model nope")).toEqual([
      "error: no such model\nhint: Choose another.",
    ]);
    expect(await sayAll(tested, "hi")).toEqual(["user: hi", "text: from the first"]);
  });

  test("that is being opened makes what is said wait for it", async () => {
    const { promise, resolve } = Promise.withResolvers<ScriptedEngine>();
    const tested = startChat(twoModels(() => promise));
    await sayAll(tested, "hi");
    tested.say("/model other");
    tested.say("to whom?");
    resolve(new ScriptedEngine(text("from the other")));
    await expect.poll(() => tested.lines().at(-1)).toBe("text: from the other");
  });
});

describe("/tools", () => {
  test("lists them, and switches one off and on for the model", async () => {
    const tested = startChat({ tools: [testTool("look"), testTool("write", "write")] });
    const [list] = await sayAll(tested, "/tools");
    expect(list).toBe(
      "info: on   look   read     the tool look\non   write  write    the tool write",
    );
    expect(await sayAll(tested, "/tools off look")).toEqual(["info: look is off"]);
    await sayAll(tested, "hi", "/tools on look", "hi");
    const told = tested.engine.requests.map(({ tools }) => tools.map(({ name }) => name));
    expect(told).toEqual([["write"], ["look", "write"]]);
    expect((await sayAll(tested, "/tools"))[0]).toMatch(/^info: on {3}look/);
  });

  test("opens one that was not there", async () => {
    const tested = startChat();
    expect(await sayAll(tested, "/tools")).toEqual(["info: no tools; /tools on weather adds one"]);
    expect(await sayAll(tested, "/tools on extra")).toEqual(["info: extra is on"]);
    await sayAll(tested, "hi");
    expect(tested.engine.requests[0]?.tools.map(({ name }) => name)).toEqual(["extra"]);
  });

  test.each([
    ["/tools on nope", "there is no tool nope"],
    ["/tools off nope", "there is no tool nope"],
    ["/tools nope", "/tools nope is not understood"],
    ["/tools off", "/tools off is not understood"],
  ])("%s is told to be wrong", async (command, problem) => {
    expect((await sayAll(startChat(), command))[0]).toMatch(
      new RegExp(`^error: ${problem}\nhint: `),
    );
  });

  test("a tool that a rule denies is not shown to the model", async () => {
    const rules = { allow: [], ask: [], deny: ["look"] };
    const tested = startChat({ tools: [testTool("look")], rules });
    await sayAll(tested, "hi");
    expect(tested.engine.requests[0]?.tools).toEqual([]);
  });
});

describe("/system", () => {
  test("shows, sets and takes away the system prompt", async () => {
    const tested = startChat();
    expect(await sayAll(tested, "/system")).toEqual(["info: no system prompt"]);
    expect(await sayAll(tested, "/system Be  brief.")).toEqual(["info: system prompt: Be  brief."]);
    await sayAll(tested, "hi", "/system -", "hi");
    const first = tested.engine.requests.map(({ messages }) => messages[0]?.role);
    expect(first).toEqual(["system", "user"]);
  });
});

describe("the others", () => {
  test("/export writes where it is told", async () => {
    const tested = startChat();
    expect(await sayAll(tested, "hi", "/export")).toEqual([
      "info: written to out.md with 2 messages",
    ]);
    expect(await sayAll(tested, "/export a b.html")).toEqual([
      "info: written to a b.html with 2 messages",
    ]);
  });

  test("/copy copies the last answer", async () => {
    const tested = startChat();
    expect((await sayAll(tested, "/copy"))[0]).toMatch(/^error: there is no answer to copy/);
    await sayAll(tested, "hi", "/copy");
    expect(tested.screen).toEqual(["copied: Hello."]);
  });

  test("/usage counts", async () => {
    const [counts = ""] = await sayAll(startChat(), "hi", "hi", "/usage");
    expect(counts).toBe(
      "info: tokens in   20\ntokens out  10\ncontext     15 of 1000\nmessages    4\nsession     one",
    );
  });

  test("/config, /theme and /exit", async () => {
    const tested = startChat();
    expect(await sayAll(tested, "/config")).toEqual(["info: model = m"]);
    expect(await sayAll(tested, "/theme light")).toEqual(["info: the theme is light"]);
    expect((await sayAll(tested, "/theme pink"))[0]).toMatch(/^error: \/theme needs/);
    await sayAll(tested, "/exit");
    await sayAll(tested, "/quit");
    expect(tested.screen).toEqual(["theme: light", "exit", "exit"]);
  });
});
