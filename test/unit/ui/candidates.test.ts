import { expect, test } from "vitest";
import { startChat, type ChatSetup } from "../../support/chat-controller.ts";
import { candidatesFor } from "../../../src/ui/candidates.ts";
import type { Completion } from "../../../src/ui/composer/completion.ts";

const place = { from: 0, to: 0 };
const argument = (command: string, query: string): Completion => ({
  ...place,
  kind: "argument",
  command,
  query,
});

async function valuesFor(place: Completion, setup: ChatSetup = {}): Promise<string[]> {
  const { chat } = startChat(setup);
  return (await candidatesFor(place, chat)).map(({ value }) => value);
}

test("a command is completed to those that fit, with what they are for", async () => {
  const { chat } = startChat();
  expect(await candidatesFor({ ...place, kind: "command", query: "re" }, chat)).toEqual([
    { value: "retry", about: "answer the last message again" },
    { value: "resume", about: "go on with an earlier one" },
  ]);
});

test("all commands are offered in their own order while nothing is typed", async () => {
  const values = await valuesFor({ ...place, kind: "command", query: "" });
  expect([values[0], values.at(-1)]).toEqual(["help", "exit"]);
});

test("an argument is completed to what its command knows, and to nothing where it knows nothing", async () => {
  expect(await valuesFor(argument("theme", "l"))).toEqual(["light"]);
  expect(await valuesFor(argument("theme", ""))).toEqual(["auto", "dark", "light"]);
  expect(await valuesFor(argument("model", "oth"))).toEqual(["other"]);
  expect(await valuesFor(argument("system", "x"))).toEqual([]);
  expect(await valuesFor(argument("nope", "x"))).toEqual([]);
});

test("a path is completed to files of the folder", async () => {
  const [first] = await valuesFor({ ...place, kind: "path", query: "package.js" });
  expect(first).toBe("package.json");
});

test("what can't be listed has no candidates", async () => {
  const listModels = () => Promise.reject(new Error("no list"));
  expect(await valuesFor(argument("model", ""), { services: { listModels } })).toEqual([]);
});
