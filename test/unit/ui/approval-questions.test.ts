import { describe, expect, test } from "vitest";
import {
  startChat,
  storedIn,
  testTool,
  type ChatSetup,
  type TestedChat,
} from "../../support/chat-controller.ts";
import { calls, text } from "../../support/scripted-engine.ts";

const change = testTool("change", "write");
const twice = [
  calls(["change", "{}"]),
  text("done"),
  calls(["change", "{}"]),
  text("done again"),
] as const;

async function asked(setup: ChatSetup = {}): Promise<TestedChat> {
  const tested = startChat({ steps: twice, tools: [change], ...setup });
  tested.say("go");
  await isAsked(tested);
  return tested;
}

const isAsked = ({ store }: TestedChat): Promise<void> =>
  expect.poll(() => store.state.question !== undefined, { interval: 2 }).toBe(true);

describe("a call that changes something", () => {
  test("is asked for, with what it is and what would be allowed", async () => {
    const { store, lines } = await asked();
    expect(store.state.question).toMatchObject({
      toolName: "change",
      effect: "write",
      summary: "change it",
      subject: "change",
      rule: "change",
    });
    expect(lines()).toEqual(["user: go"]);
  });

  test("allowed once runs, and is asked for the next time", async () => {
    const tested = await asked();
    tested.chat.answer({ answer: "once" });
    expect(tested.store.state.question).toBeUndefined();
    await tested.idle();
    expect(tested.lines()).toEqual(["user: go", "tool change it: change ran", "text: done"]);
    tested.say("again");
    await isAsked(tested);
    expect(tested.remembered).toEqual([]);
  });

  test.each([
    ["session", []],
    ["always", ["change"]],
  ] as const)("allowed for %s is not asked for again", async (answer, remembered) => {
    const tested = await asked();
    tested.chat.answer({ answer });
    await tested.idle();
    tested.say("again");
    await tested.idle();
    expect(tested.lines().slice(3)).toEqual([
      "user: again",
      "tool change it: change ran",
      "text: done again",
    ]);
    expect(tested.remembered).toEqual(remembered);
  });

  test("denied does not run, and the model reads why", async () => {
    const tested = await asked();
    tested.chat.answer({ answer: "no", reason: "not that file" });
    await tested.idle();
    expect(tested.lines()[1]).toMatch(/^denied change it: .*not that file/);
    expect(tested.lines()[2]).toBe("text: done");
    expect(storedIn(tested.folder)[2]).toMatch(/not that file/);
  });

  test("is not run when it is interrupted while it is asked for", async () => {
    const tested = await asked();
    tested.say("and then");
    tested.chat.interrupt();
    await tested.idle();
    expect(tested.store.state.question).toBeUndefined();
    expect(tested.lines()).toEqual([
      "user: go",
      expect.stringMatching(/^interrupted change it: /),
      "warning: interrupted",
    ]);
    expect(tested.screen).toEqual(["put back: and then"]);
    tested.chat.answer({ answer: "once" }); // too late: nothing happens
    expect(storedIn(tested.folder)).toHaveLength(3);
  });

  test("is not run when the program is left while it is asked for", async () => {
    const tested = await asked();
    await tested.chat.close();
    expect(storedIn(tested.folder)).toHaveLength(3);
  });

  test("is asked for one at a time", async () => {
    const steps = [calls(["change", "{}"], ["other", "{}"]), text("done")] as const;
    const tested = await asked({ steps, tools: [change, testTool("other", "execute")] });
    const questions: string[] = [];
    for (const answer of ["once", "once"] as const) {
      await isAsked(tested);
      questions.push(tested.store.state.question?.toolName ?? "");
      tested.chat.answer({ answer });
    }
    await tested.idle();
    expect(questions).toEqual(["change", "other"]);
    expect(tested.lines().at(-1)).toBe("text: done");
  });

  test("is not asked for where a rule allows or denies it", async () => {
    const rules = { allow: ["change"], ask: [], deny: ["other"] };
    const tools = [change, testTool("other", "write")];
    const steps = [calls(["change", "{}"], ["other", "{}"]), text("done")] as const;
    const tested = startChat({ steps, tools, rules });
    tested.say("go");
    await tested.idle();
    expect(tested.lines().slice(1)).toEqual([
      "tool change it: change ran",
      expect.stringMatching(/^error other: /),
      "text: done",
    ]);
  });
});

test("an answer to nothing does nothing", () => {
  const { chat, lines } = startChat();
  chat.answer({ answer: "once" });
  expect(lines()).toEqual([]);
});
