import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { heldReply, startChat } from "../support/chat.ts";
import { event, startEvents } from "../support/fake-endpoint.ts";
import { newFolder } from "../support/kimi.ts";
import { cpuMs, isRunning } from "../support/processes.ts";
import { startInTerminal } from "../support/terminal.ts";

const ctrl = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) - 64);
const lineNumbers = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `line ${index + 1} 第${index + 1}行`);

test("ten thousand lines stream into the scrollback, each once and in order", async () => {
  const lines = lineNumbers(10_000);
  const chat = await startChat([
    (response) => {
      startEvents(response);
      for (let from = 0; from < lines.length; from += 50) {
        const text = `${lines.slice(from, from + 50).join("\n\n")}\n\n`;
        response.write(event({ choices: [{ delta: { content: text } }] }));
      }
      response.end(event({ choices: [{ delta: {}, finish_reason: "stop" }] }));
    },
  ]);
  chat.type("go\r");
  await chat.waitFor("line 10000 ");
  await chat.waitForPrompt();
  const shown = chat.screen().split("\n");
  const said = shown.slice(shown.indexOf("❯ go") + 2, -3);
  expect(said).toEqual(lines.flatMap((line) => [line, ""]).slice(0, -1));
  expect(chat.raw()).not.toMatch(/\u001b\[[23]J/);
}, 60_000);

test("a code block without end never outgrows the window", async () => {
  const lines = lineNumbers(2_000);
  const held = heldReply();
  const chat = await startChat([held.reply], { rows: 10 });
  chat.type("go\r");
  await held.asked;
  await held.say("```\n");
  for (let from = 0; from < lines.length; from += 100)
    await held.say(`${lines.slice(from, from + 100).join("\n")}\n`);
  await chat.waitFor("line 2000 ");
  await held.end();
  await chat.waitForPrompt();
  const shown = chat.screen().split("\n");
  const code = shown.slice(shown.indexOf("❯ go") + 2, -3);
  expect(code).toEqual(lines.map((line) => `  ${line}`));
});

test("a storm of resizes while an answer streams leaves every line once in the scrollback", async () => {
  const lines = lineNumbers(400);
  const held = heldReply();
  let width = 100;
  const chat = await startChat([held.reply], { columns: width, rows: 30 });
  chat.type("go\r");
  await held.asked;
  const sizes = [
    [60, 20],
    [120, 40],
    [40, 12],
    [200, 60],
    [30, 8],
    [100, 30],
    [79, 24],
  ] as const;
  for (const [index, line] of lines.entries()) {
    await held.say(`${line}\n\n`);
    if (index % 20 !== 0) continue;
    const [columns, rows] = sizes[(index / 20) % sizes.length] ?? [80, 24];
    await chat.waitFor(line);
    const before = chat.raw().length;
    chat.resize(columns, rows);
    // What is drawn for a wider window than there is any more, no program can take back.
    if (columns < width) await expect.poll(() => chat.raw().length).toBeGreaterThan(before);
    width = columns;
  }
  chat.resize(80, 24);
  await held.end();
  await chat.waitFor(lines.at(-1) ?? "");
  await chat.waitForPrompt();
  const all = chat.lines().filter((line) => /^line \d+ /.test(line));
  expect(all).toEqual(lines);
  const prompts = chat.lines().filter((line) => line.startsWith("❯") && line !== "❯ go");
  expect(prompts.length).toBe(1);
  expect(chat.raw()).not.toMatch(/\u001b\[[23]J/);
}, 60_000);

test("a window that is made narrower and wider leaves no copies of what is asked", async () => {
  const command = `echo ${"a long command that fills the row ".repeat(3)}`;
  const call = { name: "run_command", arguments: JSON.stringify({ command }) };
  const chat = await startChat([{ calls: [call] }, { content: "Done." }], { columns: 100 });
  chat.type("go\r");
  await chat.waitFor("no, and say why");
  for (const columns of [80, 60, 45, 60, 100]) {
    const before = chat.raw().length;
    chat.resize(columns, 24);
    await expect.poll(() => chat.raw().length).toBeGreaterThan(before);
    await expect.poll(() => chat.window().join("\n")).toContain("no, and say why");
  }
  chat.type("1");
  await chat.waitFor("Done.");
  await chat.waitForPrompt();
  expect(chat.screen()).not.toContain("no, and say why");
  expect(chat.screen()).not.toContain("May run_command");
});

test("a megabyte is pasted at once, shown as one placeholder and sent verbatim", async () => {
  const text = "中文 and English, 日本語 🙂\n".repeat(33_000).trimEnd();
  const chat = await startChat([{ content: "Read." }]);
  const before = cpuMs(chat.pid);
  chat.paste(text);
  await chat.waitFor("[pasted ");
  const tookMs = cpuMs(chat.pid) - before;
  expect(chat.window().join("\n")).toContain("33,000 lines]");
  chat.type("\r");
  await chat.waitFor("Read.");
  const [message] = chat.endpoint.requests.at(-1)?.body.messages ?? [];
  expect(message?.["content"]).toBe(text);
  expect(tookMs).toBeLessThan(1_500); // the bench measures it; this catches what takes seconds
});

test("the real cursor stands where the next character will, also in wide text", async () => {
  const chat = await startChat([]);
  chat.type("你好 wor");
  await chat.waitFor("❯ 你好 wor");
  await expect.poll(() => chat.cursor().x).toBe(2 + 4 + 4);
  expect(chat.isCursorShown()).toBe(true);
  expect(chat.window()[chat.cursor().y]).toBe("❯ 你好 wor");
  chat.type(ctrl("A"));
  await expect.poll(() => chat.cursor().x).toBe(2);
});

/** Prints the modes of the terminal that raw mode changes. */
const report = "echo modes $(stty -a | tr ' ;' '\\n\\n' | grep -xE -e '-?(isig|icanon|echo)')";
const cooked = "modes isig icanon echo";
const raw = "modes -isig -icanon -echo";

test.each(["SIGTERM", "SIGHUP", "SIGINT"])(
  "%s leaves the terminal as it was, and ends with the signal's exit code",
  async (signal) => {
    const chat = startInTerminal([], {
      shell: `$KIMI chat --base-url http://127.0.0.1:9; echo "code $?"; ${report}`,
    });
    await chat.waitForPrompt();
    expect(chat.isPasteBracketed()).toBe(true);
    process.kill(childOf(chat.pid), signal);
    await chat.waitFor(`code ${signal === "SIGINT" ? 130 : 143}`);
    await chat.waitFor(cooked);
    expect(chat.isPasteBracketed()).toBe(false);
    expect(chat.isCursorShown()).toBe(true);
  },
);

test("a program that was killed leaves a mess, which the next start tidies up", async () => {
  const home = newFolder();
  const kimi = "$KIMI chat --base-url http://127.0.0.1:9";
  const chat = startInTerminal([], {
    env: { HOME: home, XDG_DATA_HOME: `${home}/data` },
    shell: `${kimi}; echo first; ${report}; ${kimi}; echo second; ${report}`,
  });
  await chat.waitForPrompt();
  process.kill(childOf(chat.pid), "SIGKILL");
  await chat.waitFor("first");
  await chat.waitFor(raw);
  expect(chat.isPasteBracketed()).toBe(true);
  await expect.poll(() => chat.screen().split("/help").length).toBe(3);
  chat.type(ctrl("D"));
  await chat.waitFor("second");
  await chat.waitFor(cooked);
  expect(chat.isPasteBracketed()).toBe(false);
  expect(chat.isCursorShown()).toBe(true);
  expect(await chat.ended).toBe(0);
  expect(readdirSync(`${home}/data/kimi/terminals`)).toEqual([]);
});

test("Ctrl-Z hands the terminal to the shell, and fg goes on where it was", async () => {
  const chat = startInTerminal([], {
    shell: `set -m; $KIMI chat --base-url http://127.0.0.1:9; echo suspended; ${report}; fg; echo over`,
  });
  await chat.waitForPrompt();
  chat.type("draft");
  await chat.waitFor("❯ draft");
  chat.type(ctrl("Z"));
  await chat.waitFor("suspended");
  await chat.waitFor(cooked);
  await expect.poll(() => chat.window().findLast((row) => row.startsWith("❯"))).toBe("❯ draft");
  chat.type(`!${ctrl("H")}${ctrl("U")}`);
  await expect.poll(() => chat.window().join("\n")).toContain("/help lists commands");
  chat.type(ctrl("D"));
  await chat.waitFor("over");
});

test("NO_COLOR and TERM=dumb are respected", async () => {
  const plain = await startChat([{ content: "**bold** `code`" }], { env: { NO_COLOR: "1" } });
  plain.type("hi\r");
  await plain.waitFor("bold");
  await plain.waitForPrompt();
  expect(plain.raw()).not.toMatch(/\u001b\[[\d;]*m/);

  const dumb = startInTerminal(["chat"], { env: { TERM: "dumb" } });
  await dumb.waitFor(">");
  dumb.type("What is 12 * 34?\r");
  await dumb.waitFor("12 * 34 = 408");
  dumb.type("/exit\r");
  expect(await dumb.ended).toBe(0);
  expect(dumb.raw()).not.toContain("\u001b");
});

test("a terminal that goes away ends the program", async () => {
  const chat = await startChat([]);
  chat.hangUp();
  await expect.poll(() => isRunning(chat.pid), { timeout: 10_000 }).toBe(false);
});

/** The program that a shell runs. */
function childOf(pid: number): number {
  const [child = ""] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return Number(child);
}
