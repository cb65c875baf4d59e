/**
 * Goes on with the session at a path, or starts it, as fast as it can; says the number of each message
 * once it is stored. Waits to be killed, after two hundred messages without doing more.
 */
import { existsSync, writeSync } from "node:fs";
import { userText, type Message } from "../../src/message.ts";
import { Session } from "../../src/session/session.ts";
import { answer, assistantCalls } from "./conversation.ts";

const [path = "", from = "0"] = process.argv.slice(2);
const info = { id: "s", createdAt: new Date().toISOString(), folder: "/", model: "m" };
const session = existsSync(path)
  ? Session.resume(path, { id: "s", isKept: true })
  : Session.start(path, info);

let number = Number(from);

function store(message: Message): void {
  session.add(message);
  writeSync(1, `${number++}\n`);
}

while (number < Number(from) + 200) {
  // Long enough, now and then, for a kill to cut the write itself.
  const size = number % 12 === 0 ? 100_000 : 50;
  store(userText(`${number}:${"x".repeat(size)}`));
  const ids = [`functions.t:${number}`, `functions.t:${number + 1}`];
  store(assistantCalls(...ids));
  for (const id of ids) store(answer(id, `${number}:${"y".repeat(size)}`));
  session.addUsage({ inputTokens: 1, outputTokens: 1 }, "m");
}
setInterval(() => {}, 1_000_000);
