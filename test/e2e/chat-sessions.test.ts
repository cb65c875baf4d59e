import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startChat, type Chat } from "../support/chat.ts";
import { kimi, newFolder } from "../support/kimi.ts";

const ctrl = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) - 64);

function sessionsOf({ home }: Chat): readonly string[] {
  return readdirSync(`${home}/data/kimi/sessions`).filter((name) => name.endsWith(".jsonl"));
}

test("a conversation is kept from its first message on, and not before", async () => {
  const chat = await startChat([{ content: "Yes." }]);
  expect(() => sessionsOf(chat)).toThrow("ENOENT");
  chat.type("anybody?\r");
  await chat.waitFor("Yes.");
  const [file = ""] = sessionsOf(chat);
  const text = readFileSync(join(chat.home, "data/kimi/sessions", file), "utf8");
  expect(text).toMatch(/"type":"session"[^\n]*\n[^\n]*anybody\?[^\n]*\n/);
});

test("two programs do not write one conversation", async () => {
  const first = await startChat([{ content: "A." }], { args: ["--session", "shared"] });
  first.type("hello\r");
  await first.waitFor("A.");
  const env = { HOME: first.home, XDG_DATA_HOME: `${first.home}/data` };
  const second = await kimi(["run", "hi", "--session", "shared"], { env });
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(/session shared is open in another kimi \(process \d+ on /);
  first.type(ctrl("D"));
  await first.ended;
  const third = await kimi(["run", "Hello", "--session", "shared"], { env });
  expect(third.code).toBe(0);
});

test("an earlier conversation is resumed from any folder, with what was said in it", async () => {
  const first = await startChat([{ content: "The answer is 42." }]);
  first.type("What is it?\r");
  await first.waitFor("42.");
  first.type(ctrl("D"));
  await first.ended;
  const id = sessionsOf(first)[0]?.replace(".jsonl", "") ?? "";
  const second = await startChat([{ content: "Still 42." }], {
    home: first.home,
    cwd: newFolder(),
    args: ["--resume", id.slice(0, 17)],
  });
  await second.waitFor("The answer is 42.");
  second.type("And now?\r");
  await second.waitFor("Still 42.");
  const { messages } = second.endpoint.requests.at(-1)?.body ?? { messages: [] };
  expect(messages.map((message) => message["content"])).toEqual([
    "What is it?",
    "The answer is 42.",
    "And now?",
  ]);
});

test("/sessions lists them, /resume completes and takes one up, /undo and /edit take back", async () => {
  const cwd = newFolder();
  const first = await startChat([{ content: "A." }], { args: ["--session", "first"], cwd });
  first.type("the first one\r");
  await first.waitFor("A.");
  first.type(ctrl("D"));
  await first.ended;
  const chat = await startChat([{ content: "B." }, { content: "C." }], { home: first.home, cwd });
  chat.type("the second one\r");
  await chat.waitFor("B.");
  chat.type("/sessions\r");
  await chat.waitFor("the first one");
  chat.type("/resume fi");
  await chat.waitFor("▸ first");
  chat.type("\t\r");
  await chat.waitFor("A.");
  chat.type("/edit\r");
  await expect.poll(() => chat.window().join("\n")).toContain("❯ the first one");
  chat.type(" again\r");
  await chat.waitFor("C.");
  const { messages } = chat.endpoint.requests.at(-1)?.body ?? { messages: [] };
  expect(messages).toEqual([{ role: "user", content: "the first one again" }]);
  chat.type("/undo\r");
  await chat.waitFor("taken back: the first one again");
  chat.type("/export out.html\r");
  await chat.waitFor("written to out.html");
  expect(readdirSync(cwd)).toEqual(["out.html"]);
});

test("a full context is summed up by the model, and the conversation goes on", async () => {
  const long = "word ".repeat(2_400);
  const chat = await startChat([
    { content: long },
    { content: "Summary: many words." },
    { content: "Understood." },
  ]); // the fake server's model takes 4,096 tokens
  chat.type("say much\r");
  await chat.waitForPrompt();
  await expect.poll(() => chat.endpoint.requests.length).toBe(2);
  chat.type("and now?\r");
  await chat.waitFor("Understood.");
  expect(chat.screen()).toContain("what was said before is summed up");
  const { messages } = chat.endpoint.requests.at(-1)?.body ?? { messages: [] };
  expect(JSON.stringify(messages)).toContain("Summary: many words.");
  expect(messages.at(-1)?.["content"]).toBe("and now?");
  const [file = ""] = sessionsOf(chat);
  expect(readFileSync(join(chat.home, "data/kimi/sessions", file), "utf8")).toContain(long);
});

test("from a pipe every line is answered, as plain lines", async () => {
  const home = newFolder();
  const env = { HOME: home, XDG_DATA_HOME: `${home}/data` };
  const { stdout, code } = await kimi(["chat"], {
    env,
    stdin: "What is 12 * 34?\n/usage\nWhat is 6 * 7?\n",
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/12 \* 34 = 408\n[^]*tokens in[^]*6 \* 7 = 42\n/);
  expect(stdout).not.toContain("\u001b");
});

test("a piped conversation ends with the exit code of what failed", async () => {
  const home = newFolder();
  const env = { HOME: home, XDG_DATA_HOME: `${home}/data` };
  const { code, stdout } = await kimi(
    ["chat", "--base-url", "http://127.0.0.1:9", "--model", "m", "--retries", "0"],
    { env, stdin: "hello\n" },
  );
  expect(code).toBe(75);
  expect(stdout).toContain("error: can't reach http://127.0.0.1:9");
});

test("a shell's command is taken back as it was typed, and names the session", async () => {
  const chat = await startChat([]);
  chat.type("!echo hello\r");
  await chat.waitFor("● echo hello ✓");
  chat.type("/edit\r");
  await expect.poll(() => chat.window().join("\n")).toContain("❯ !echo hello");
  const env = { HOME: chat.home, XDG_DATA_HOME: `${chat.home}/data` };
  const { stdout } = await kimi(["sessions"], { env });
  expect(stdout).toContain("!echo hello");
});
