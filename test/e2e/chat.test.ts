import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { heldReply, startChat } from "../support/chat.ts";
import { newFolder } from "../support/kimi.ts";
import { isRunning } from "../support/processes.ts";
import { startInTerminal } from "../support/terminal.ts";

const ctrl = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) - 64);
const escape = "\u001b";

test("without a command the terminal program starts, talks to the embedded model, and leaves", async () => {
  const home = newFolder();
  const env = { HOME: home, XDG_DATA_HOME: `${home}/data` };
  const chat = startInTerminal([], { env });
  await chat.waitForPrompt();
  chat.type("What is 12 * 34?\r");
  await chat.waitFor("\n12 * 34 = 408");
  await chat.waitForPrompt();
  expect(chat.screen()).toMatch(/❯ What is 12 \* 34\?\n\n● 12 \* 34 = 408 ✓ \d+\.\d s\n/);
  expect(chat.screen()).toMatch(/kimi-nano · ↑[\d.]+k ↓\d+ · \d+ % of 8\.2k/);
  chat.type(ctrl("D"));
  expect(await chat.ended).toBe(0);
  const [session = ""] = readdirSync(`${home}/data/kimi/sessions`);
  expect(chat.screen()).toContain(`kimi --resume ${session.replace(".jsonl", "")} goes on`);
  const again = startInTerminal(["--continue"], { env });
  await again.waitFor("12 * 34 = 408");
  again.type("/exit\r");
  expect(await again.ended).toBe(0);
});

test("Markdown is shown as such, and a model's control sequences do not reach the terminal", async () => {
  const content = [
    "# Weather 天气",
    "",
    "It is **cold** in `北京` \u001b[31mred\u001b[2J\u009b3J \u001b]0;evil\u0007.",
    "",
    "| City | °C |",
    "|------|---:|",
    "| 北京 | 3 |",
    "",
    "```js",
    "const a = 1;",
    "```",
  ].join("\n");
  const chat = await startChat([{ content }]);
  chat.type("hi\r");
  await chat.waitFor("const a");
  await chat.waitForPrompt();
  const shown = chat.screen();
  expect(shown).toContain("Weather 天气\n\nIt is cold in 北京 red .");
  expect(shown).toMatch(/City │ °C\n─+┼─+\n北京 │ {2}3\n\n {2}const a = 1;/);
  expect(chat.raw()).not.toMatch(/\u001b\[[23]J|\u001b\]0;evil|\u009b/);
});

test("what is typed while the model works is queued with Enter, and steers with Ctrl-S", async () => {
  const held = heldReply();
  const chat = await startChat([held.reply, { content: "second" }, { content: "third" }], {
    args: ["--tools", "calculator"],
  });
  chat.type("one\r");
  await held.asked;
  await held.say("first ");
  await chat.waitFor("first");
  chat.type("two\r");
  await chat.waitFor("⏵ two");
  chat.type("now");
  chat.type(ctrl("S"));
  await chat.waitFor("↳ now");
  await held.end();
  await chat.waitFor("third");
  const texts = chat.endpoint.requests
    .filter(({ path }) => path.endsWith("/completions"))
    .map(({ body }) => body.messages.map((message) => message["content"]));
  expect(texts).toEqual([
    ["one"],
    ["one", "first ", "now"],
    ["one", "first ", "now", "second", "two"],
  ]);
  expect(chat.screen()).toMatch(/❯ one\n\nfirst\n\n↳ now\n\nsecond\n\n❯ two\n\nthird/);
});

test("Esc interrupts and gives what was queued back; what was said so far is kept", async () => {
  const held = heldReply();
  const chat = await startChat([held.reply, { content: "again" }]);
  chat.type("one\r");
  await held.asked;
  await held.say("half an answer");
  await chat.waitFor("half an answer");
  chat.type("two\r");
  await chat.waitFor("⏵ two");
  chat.type("draft");
  chat.type(escape);
  await chat.waitFor("interrupted");
  await expect.poll(() => chat.window().join("\n")).toMatch(/❯ two\n {2}draft/);
  chat.type("\r");
  await chat.waitFor("again");
  const { messages } = chat.endpoint.requests.at(-1)?.body ?? { messages: [] };
  expect(messages.map((message) => message["content"])).toEqual([
    "one",
    "half an answer",
    "two\ndraft",
  ]);
});

test("Ctrl-C once cancels the run, twice leaves", async () => {
  const held = heldReply();
  const chat = await startChat([held.reply]);
  chat.type("one\r");
  await held.asked;
  chat.type(ctrl("C"));
  await chat.waitFor("interrupted");
  await chat.waitFor("Ctrl-C again leaves");
  chat.type(ctrl("C"));
  expect(await chat.ended).toBe(0);
});

test("an edit shows its change before anybody allows it, and says what it did", async () => {
  const cwd = newFolder();
  writeFileSync(join(cwd, "a.txt"), "one\ntwo\nthree\n");
  const change = JSON.stringify({ path: "a.txt", old: "two", new: "zwei" });
  const call = { calls: [{ name: "edit_file", arguments: change }] };
  const chat = await startChat([call, { content: "Done." }, call, { content: "Understood." }], {
    cwd,
    rows: 40,
  });
  chat.type("edit it\r");
  await chat.waitFor("no, and say why");
  expect(chat.screen()).toMatch(
    /May edit_file change this\?\n  a.txt \(\+1 -1\)\n.*one\n.*- two\n.*\+ zwei\n/,
  );
  expect(readFileSync(join(cwd, "a.txt"), "utf8")).toBe("one\ntwo\nthree\n");
  chat.type("1");
  await chat.waitFor("Done.");
  expect(readFileSync(join(cwd, "a.txt"), "utf8")).toBe("one\nzwei\nthree\n");
  writeFileSync(join(cwd, "a.txt"), "one\ntwo\nthree\n");
  chat.type("again\r");
  await chat.waitFor("▸ 1 yes, once");
  chat.type("4");
  await chat.waitFor("because:");
  chat.type("not that file\r");
  await chat.waitFor("Understood.");
  expect(readFileSync(join(cwd, "a.txt"), "utf8")).toBe("one\ntwo\nthree\n");
  const answer = chat.endpoint.requests.at(-1)?.body.messages.at(-1);
  expect(answer?.["content"]).toContain("not that file");
  expect(chat.screen()).toContain("⊘ denied");
});

test("always allowing a rule puts it into the user's file, and it is not asked for again", async () => {
  const cwd = newFolder();
  const run = (command: string) => ({
    calls: [{ name: "run_command", arguments: JSON.stringify({ command }) }],
  });
  const chat = await startChat(
    [run("echo first"), { content: "A." }, run("echo second"), { content: "B." }],
    { cwd },
  );
  chat.type("go\r");
  await chat.waitFor("3 always: run_command(echo first *)");
  chat.type("3");
  await chat.waitFor("A.");
  const config = JSON.parse(readFileSync(`${chat.home}/config/kimi/config.json`, "utf8"));
  expect(config).toEqual({ allow: ["run_command(echo first *)"] });
  chat.type("more\r");
  await chat.waitFor("run_command(echo second *)"); // another command is another rule
  chat.type("2");
  await chat.waitFor("B.");
});

test("a command's output is seen while it runs, and Esc ends it with all it started", async () => {
  const cwd = newFolder();
  const command = "echo started; sleep 1000 & echo $! > pid; wait";
  const chat = await startChat(
    [{ calls: [{ name: "run_command", arguments: JSON.stringify({ command }) }] }],
    { cwd, args: ["--yes"] },
  );
  chat.type("go\r");
  await expect.poll(() => chat.window().some((row) => row.trim() === "started")).toBe(true);
  chat.type(escape);
  await chat.waitFor("⊘ interrupted");
  const pid = Number(readFileSync(join(cwd, "pid"), "utf8"));
  await expect.poll(() => isRunning(pid)).toBe(false);
  chat.type("what was it?\r");
  await expect.poll(() => chat.endpoint.requests.length).toBe(3);
  const answer = chat.endpoint.requests.at(-1)?.body.messages.at(-2);
  expect(answer?.["content"]).toMatch(/stopped: interrupted by the user.*started/);
});

test("a file named with @ is completed and attached", async () => {
  const cwd = newFolder();
  writeFileSync(join(cwd, "notes.txt"), "twelve apples\n");
  const chat = await startChat([{ content: "Apples." }], { cwd });
  chat.type("Read @no");
  await chat.waitFor("▸ @notes.txt");
  chat.type("\t");
  await expect.poll(() => chat.window().join("\n")).toContain("❯ Read @notes.txt");
  chat.type("please\r");
  await chat.waitFor("Apples.");
  const [message] = chat.endpoint.requests.at(-1)?.body.messages ?? [];
  expect(JSON.stringify(message?.["content"])).toContain("twelve apples");
});

test("commands are completed, and the shell's output joins the conversation", async () => {
  const chat = await startChat([{ content: "I see." }]);
  chat.type("/us");
  await chat.waitFor("▸ /usage");
  chat.type("\r");
  await chat.waitFor("tokens in");
  chat.type("!echo from the shell\r");
  await chat.waitFor("● echo from the shell ✓");
  chat.type("And?\r");
  await chat.waitFor("I see.");
  const [first] = chat.endpoint.requests.at(-1)?.body.messages ?? [];
  expect(first?.["content"]).toBe(
    "I ran a command:\n\n$ echo from the shell\nfrom the shell\n\nExit code 0.",
  );
});

test("what was typed is found again in the next conversation, with Up and with Ctrl-R", async () => {
  const first = await startChat([{ content: "A." }]);
  first.type("the first question\r");
  await first.waitFor("A.");
  first.type("another one\r");
  await expect.poll(() => first.endpoint.requests.length).toBeGreaterThan(2);
  first.type(ctrl("C") + ctrl("C"));
  await first.ended;
  const second = await startChat([{ content: "B." }], { home: first.home });
  second.type(`${escape}[A`);
  await second.waitFor("❯ another one");
  second.type(ctrl("R"));
  second.type("first");
  await second.waitFor("history: first");
  second.type("\r");
  await second.waitFor("❯ the first question");
});

test("the editor writes the message", async () => {
  const cwd = newFolder();
  const editor = join(cwd, "editor.sh");
  writeFileSync(editor, '#!/bin/sh\nprintf "%s from the editor" "$(cat "$1")" > "$1"\n', {
    mode: 0o755,
  });
  const chat = await startChat([{ content: "Read." }], { cwd, env: { EDITOR: editor } });
  chat.type("words");
  chat.type(ctrl("G"));
  await chat.waitFor("words from the editor");
  chat.type("\r");
  await chat.waitFor("Read.");
  expect(chat.endpoint.requests.at(-1)?.body.messages.at(-1)?.["content"]).toBe(
    "words from the editor",
  );
});

test("long output is folded, and Ctrl-O shows it", async () => {
  const cwd = newFolder();
  writeFileSync(join(cwd, "long.txt"), Array.from({ length: 40 }, (_, i) => `row ${i}\n`).join(""));
  const chat = await startChat(
    [
      { calls: [{ name: "read_file", arguments: '{"path": "long.txt"}' }] },
      { content: "It is long." },
    ],
    { cwd },
  );
  chat.type("read\r");
  await chat.waitFor("It is long.");
  expect(chat.screen()).toContain("… 36 more lines (Ctrl-O shows them)");
  expect(chat.screen()).not.toContain("row 20");
  chat.type(ctrl("O"));
  await chat.waitFor("row 20");
});

test("a failure is told with its hint, the message stays, and /retry asks again", async () => {
  const chat = await startChat([
    (response) => void response.writeHead(400).end('{"error": {"message": "no such thing"}}'),
    { content: "Now it works." },
  ]);
  chat.type("hello\r");
  await chat.waitFor("no such thing");
  chat.type("/retry\r");
  await chat.waitFor("Now it works.");
  expect(chat.endpoint.requests.at(-1)?.body.messages).toEqual([
    { role: "user", content: "hello" },
  ]);
});
