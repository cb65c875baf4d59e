import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { heldReply, startChat, type Chat } from "../support/chat.ts";
import { event, startEvents, type FakeReply, type RawReply } from "../support/fake-endpoint.ts";
import { newFolder } from "../support/kimi.ts";
import { isRunning } from "../support/processes.ts";

const escape = "\u001b";

const hangs: RawReply = () => {};
const begins =
  (...pieces: readonly object[]): RawReply =>
  (response) => {
    startEvents(response);
    for (const delta of pieces) response.write(event({ choices: [{ delta }] }));
  };
const call = (name: string, input: object): FakeReply => ({
  calls: [{ name, arguments: JSON.stringify(input) }],
});
const overloaded: RawReply = (response) =>
  void response.writeHead(503, { "retry-after": "30" }).end("busy");

interface State {
  readonly state: string;
  readonly reply: FakeReply | RawReply;
  /** What shows that it is reached. */
  readonly seen: string;
  /** What of the reply stays in the conversation. */
  readonly kept?: string;
  readonly args?: readonly string[];
}

const states: readonly State[] = [
  { state: "the server has not answered", reply: hangs, seen: "waiting for the model" },
  {
    state: "an answer streams",
    reply: begins({ content: "so far" }),
    seen: "so far",
    kept: "so far",
  },
  { state: "the model thinks", reply: begins({ reasoning_content: "hmm" }), seen: "thinking" },
  {
    state: "a call is being written",
    reply: begins({
      tool_calls: [{ index: 0, id: "a", function: { name: "calculate", arguments: '{"expr' } }],
    }),
    seen: "writing a call of calculate",
  },
  {
    state: "a tool runs",
    reply: call("run_command", { command: "echo runs; sleep 1000" }),
    seen: "  runs",
    args: ["--yes"],
  },
  { state: "something is asked", reply: call("run_command", { command: "ls" }), seen: "▸ 1 yes" },
  { state: "a request is tried again later", reply: overloaded, seen: "(1 of" },
];

test.each(states)("Ctrl-C cancels while $state, and the conversation goes on", async (state) => {
  const { reply, seen, kept, args = [] } = state;
  const chat = await startChat([reply, { content: "still here" }], { args });
  chat.type("one\r");
  await chat.waitFor(seen);
  const isAsked = (): boolean => chat.endpoint.requests.some(({ body }) => body !== undefined);
  await expect.poll(isAsked).toBe(true);
  chat.type("\u0003");
  await chat.waitFor("interrupted");
  await chat.waitFor("Ctrl-C again leaves");
  chat.type("two\r");
  await chat.waitFor("still here");
  const said = messagesOf(chat);
  expect(said.at(0)).toMatchObject({ role: "user", content: "one" });
  expect(said.at(-1)).toMatchObject({ role: "user", content: "two" });
  if (kept !== undefined) expect(said.at(1)).toMatchObject({ role: "assistant", content: kept });
  // Every call has its answer, so that any server takes the conversation.
  const calls = said.flatMap(
    (message) => (message["tool_calls"] ?? []) as readonly { id: string }[],
  );
  const answers = said.flatMap((message) =>
    message["role"] === "tool" ? [message["tool_call_id"]] : [],
  );
  expect(answers).toEqual(calls.map(({ id }) => id));
});

test("Esc says no to what is asked, without a reason, and the run goes on", async () => {
  const chat = await startChat([call("run_command", { command: "ls" }), { content: "Fine." }]);
  chat.type("one\r");
  await chat.waitFor("▸ 1 yes");
  chat.type(escape);
  await chat.waitFor("Fine.");
  expect(chat.screen()).toContain("⊘ denied");
});

test("what is being written when something is asked is not taken for an answer", async () => {
  const gate = Promise.withResolvers<void>();
  const asks: RawReply = (response) => {
    startEvents(response);
    const arguments_ = JSON.stringify({ command: "ls" });
    const delta = {
      tool_calls: [{ index: 0, id: "a", function: { name: "run_command", arguments: arguments_ } }],
    };
    void gate.promise.then(() =>
      response.end(event({ choices: [{ delta, finish_reason: "tool_calls" }] })),
    );
  };
  const chat = await startChat([asks, { content: "Fine." }, { content: "Queued." }]);
  chat.type("one\r");
  await chat.waitFor("waiting for the model");
  chat.type("1 thing more");
  await chat.waitFor("❯ 1 thing more");
  gate.resolve();
  await chat.waitFor("Tab answers");
  chat.type("1\r"); // goes on writing, and is queued
  await chat.waitFor("⏵ 1 thing more1");
  chat.type("\t");
  await chat.waitFor("▸ 1 yes, once");
  chat.type("4");
  await chat.waitFor("because:");
  chat.type("\r");
  await chat.waitFor("Queued.");
});

test("words that begin while something is asked are words, and Enter after them is no yes", async () => {
  const chat = await startChat([
    call("run_command", { command: "ls" }),
    { content: "Fine." },
    { content: "Queued." },
  ]);
  chat.type("one\r");
  await chat.waitFor("▸ 1 yes");
  chat.type("no, wait\r");
  await chat.waitFor("⏵ no, wait");
  expect(chat.screen()).toContain("Tab answers");
  chat.type("\t");
  await chat.waitFor("▸ 1 yes, once");
  chat.type("4");
  await chat.waitFor("because:");
  chat.type("\r");
  await chat.waitFor("Queued.");
  expect(chat.screen()).toContain("⊘ denied");
});

test("a command too long for its question is printed whole before anybody can say yes", async () => {
  const command = `echo start${"\n".repeat(60)}echo \u202eevil`;
  const chat = await startChat([call("run_command", { command }), { content: "Fine." }]);
  chat.type("one\r");
  await chat.waitFor("▸ 1 yes, once");
  const rows = chat.screen().split("\n");
  const whole = rows.slice(
    0,
    rows.findIndex((row) => row.includes("more lines, all of them above")),
  );
  expect(whole.filter((row) => row.includes("echo start"))).toHaveLength(2);
  expect(whole.some((row) => row.includes("echo <U+202E>evil"))).toBe(true);
  chat.type("4");
  await chat.waitFor("because:");
  chat.type("\r");
  await chat.waitFor("Fine.");
});

test("a window that is closed while a tool runs ends the tool and closes the session", async () => {
  const folder = newFolder();
  const command = "echo $$ > pid; sleep 1000";
  const chat = await startChat([call("run_command", { command })], {
    cwd: folder,
    args: ["--yes"],
  });
  chat.type("go\r");
  await chat.waitFor("sleep 1000");
  const pid = (): number => Number(readFileSync(join(folder, "pid"), "utf8") || "0");
  await expect.poll(() => existsSync(join(folder, "pid")) && pid() > 0).toBe(true);
  chat.hangUp();
  await expect.poll(() => isRunning(chat.pid), { timeout: 10_000 }).toBe(false);
  await expect.poll(() => isRunning(pid())).toBe(false);
  const sessions = readdirSync(`${chat.home}/data/kimi/sessions`);
  expect(sessions.filter((name) => name.endsWith(".lock"))).toEqual([]);
  const [session = ""] = sessions;
  expect(readFileSync(`${chat.home}/data/kimi/sessions/${session}`, "utf8")).toContain(
    '"role":"tool"',
  );
});

test("leaving takes no time, and leaves nothing but the conversation on the screen", async () => {
  const started = performance.now();
  const chat = await startChat([{ content: "Hello." }]);
  const startMs = performance.now() - started; // a busy machine is slow at both
  chat.type("hi\r");
  await chat.waitFor("Hello.");
  const before = performance.now();
  chat.type("/exit\r");
  expect(await chat.ended).toBe(0);
  expect(performance.now() - before).toBeLessThan(Math.max(1_500, startMs));
  expect(chat.screen()).not.toContain("/exit");
  expect(chat.screen()).toMatch(/Hello\.\n+kimi --resume/);
});

test("an answer that streams while the program is suspended is there when it goes on", async () => {
  const held = heldReply();
  const chat = await startChat([held.reply], { env: { KIMI_IDLE_TIMEOUT: "1" } });
  chat.type("go\r");
  await held.asked;
  await held.say("before ");
  await chat.waitFor("before");
  process.kill(chat.pid, "SIGSTOP");
  await held.say("after");
  const since = performance.now();
  const longEnough = { timeout: 5_000 };
  await expect.poll(() => performance.now() - since, longEnough).toBeGreaterThan(2_500);
  process.kill(chat.pid, "SIGCONT");
  await chat.waitFor("before after");
  await held.end();
  await chat.waitForPrompt();
  expect(chat.screen()).not.toContain("stalled");
}, 30_000);

test("an error nobody caught leaves the terminal as it was and tells of itself", async () => {
  const folder = newFolder();
  const thrower = join(folder, "throw.cjs");
  writeFileSync(
    thrower,
    'process.on("SIGUSR2", () => { throw new Error("thrown on purpose"); });\n',
  );
  const chat = await startChat([], { env: { NODE_OPTIONS: `--require=${thrower}` } });
  process.kill(chat.pid, "SIGUSR2");
  expect(await chat.ended).toBe(70);
  expect(chat.screen()).toContain("a bug: thrown on purpose");
  expect(chat.isPasteBracketed()).toBe(false);
  expect(chat.isCursorShown()).toBe(true);
});

function messagesOf(chat: Chat): readonly Readonly<Record<string, unknown>>[] {
  return chat.endpoint.requests.at(-1)?.body.messages ?? [];
}
