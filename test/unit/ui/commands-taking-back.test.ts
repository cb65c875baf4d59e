import { describe, expect, test } from "vitest";
import { contextOf, sayAll, startChat, storedIn, testTool } from "../../support/chat-controller.ts";
import { calls, text } from "../../support/scripted-engine.ts";
import { KimiError } from "../../../src/errors.ts";
import { textOf } from "../../../src/message.ts";

describe("taking back", () => {
  test("/undo takes the last message and its answer", async () => {
    const tested = startChat({ steps: [text("one"), text("two")] });
    const undone = await sayAll(tested, "1", "2", "/undo");
    expect(undone).toEqual(["info: taken back: 2"]);
    expect(contextOf(tested)).toEqual(["1", "one"]);
    expect(tested.store.state.contextTokens).toBeLessThan(30);
    await sayAll(tested, "/undo");
    expect(contextOf(tested)).toEqual([]);
    expect(await sayAll(tested, "/undo")).toEqual([
      "error: there is nothing to take back\nhint: Ask something first.",
    ]);
    expect(storedIn(tested.folder)).toEqual([]);
  });

  test("/undo takes the calls of an answer, too", async () => {
    const tested = startChat({
      steps: [calls(["look", "{}"]), text("seen")],
      tools: [testTool("look")],
    });
    await sayAll(tested, "1", "/undo");
    expect(contextOf(tested)).toEqual([]);
  });

  test("/edit gives the text back as it was typed, without the files", async () => {
    const attach = () => [{ type: "text" as const, text: "the file" }];
    const tested = startChat({ services: { attach } });
    await sayAll(tested, "see @a", "/edit");
    expect(tested.screen).toEqual(["put back: see @a"]);
    expect(contextOf(tested)).toEqual([]);
    expect(tested.store.state.contextTokens).toBe(0);
  });

  test("/retry answers the last message again, with what was said before alone", async () => {
    const tested = startChat({ steps: [text("one"), text("two")] });
    expect(await sayAll(tested, "1", "/retry")).toEqual(["text: two"]);
    expect(tested.engine.requests[1]?.messages.map(textOf)).toEqual(["1"]);
    expect(storedIn(tested.folder)).toEqual(["user: 1", "assistant: two"]);
  });

  test("/retry answers what an error has left without an answer", async () => {
    const failing = new KimiError("gone", { code: "gone" });
    const tested = startChat({ steps: [failing, text("one")] });
    expect(await sayAll(tested, "1", "/retry")).toEqual(["text: one"]);
  });

  test.each([["/retry"], ["/edit"], ["/undo"]])(
    "%s needs something that was said",
    async (command) => {
      expect((await sayAll(startChat(), command))[0]).toMatch(/^error: there is nothing to/);
    },
  );

  test("nothing is taken back of what is only summed up", async () => {
    const tested = startChat({ steps: [text("one"), text("a summary")] });
    await sayAll(tested, "1", "/compact");
    expect((await sayAll(tested, "/undo"))[0]).toMatch(/^error: there is nothing to take back/);
    expect((await sayAll(tested, "/edit"))[0]).toMatch(/^error: there is nothing to take back/);
  });

  test("/clear makes the model forget, and leaves nothing to take back", async () => {
    const tested = startChat();
    expect(await sayAll(tested, "1", "/clear")).toEqual(["info: forgotten; the file keeps it"]);
    expect(tested.store.state.contextTokens).toBe(0);
    expect((await sayAll(tested, "/undo"))[0]).toMatch(/^error: there is nothing to take back/);
    await sayAll(tested, "2");
    expect(tested.engine.requests[1]?.messages.map(textOf)).toEqual(["2"]);
    await sayAll(tested, "/undo");
    expect(tested.chat.session.transcript.map(textOf)).toEqual(["1", "Hello."]);
  });
});

describe("/compact", () => {
  test("sums up what was said", async () => {
    const tested = startChat({ steps: [text("one"), text("two"), text("all of it")] });
    const said = await sayAll(tested, "1", "2", "/compact");
    expect(said).toEqual([expect.stringMatching(/^info: .*summed up/)]);
    expect(contextOf(tested)[0]).toContain("all of it");
    expect(tested.store.state.contextTokens).toBeGreaterThan(0);
  });

  test("says that there is nothing to sum up", async () => {
    expect(await sayAll(startChat(), "/compact")).toEqual(["info: there is nothing to sum up yet"]);
  });
});
