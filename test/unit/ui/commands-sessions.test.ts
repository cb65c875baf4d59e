import { describe, expect, test } from "vitest";
import { info, sayAll, startChat, storedIn } from "../../support/chat-controller.ts";
import { sessionPath } from "../../../src/session/session-folder.ts";
import { Session } from "../../../src/session/session.ts";

describe("sessions", () => {
  const earlier = (folder: string): void => {
    const session = Session.start(sessionPath(folder, "two"), { ...info, id: "two" });
    session.add({ role: "user", content: [{ type: "text", text: "long ago" }] });
    session.add({ role: "assistant", content: [{ type: "text", text: "yes" }] });
    session.close();
  };

  test("/sessions lists them, this one marked", async () => {
    const tested = startChat();
    earlier(tested.folder);
    expect(await sayAll(tested, "/sessions")).toEqual([
      expect.stringMatching(
        /^info: {3}two {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}long ago\n\/resume goes on/,
      ),
    ]);
    const [list] = await sayAll(tested, "hi", "/sessions");
    expect(list).toMatch(/^info: \* one .* hi\n {2}two /);
    expect(await sayAll(startChat(), "/sessions")).toEqual(["info: no sessions yet"]);
  });

  test("/resume goes on with another one, and lets go of this one", async () => {
    const tested = startChat();
    earlier(tested.folder);
    expect(await sayAll(tested, "hi", "/resume two")).toEqual(["user: long ago", "text: yes"]);
    const path = (id: string): string => sessionPath(tested.folder, id);
    Session.resume(path("one"), { id: "one", isKept: true }).close();
    expect(() => Session.resume(path("two"), { id: "two", isKept: true })).toThrow(/open/);
    await sayAll(tested, "and now?");
    expect(storedIn(tested.folder, "two")).toEqual([
      "user: long ago",
      "assistant: yes",
      "user: and now?",
      "assistant: Hello.",
    ]);
  });

  test("/resume of one that is not there stays with this one", async () => {
    const tested = startChat();
    expect((await sayAll(tested, "hi", "/resume nope"))[0]).toMatch(
      /^error: there is no session nope/,
    );
    expect((await sayAll(tested, "/resume"))[0]).toMatch(/^error: \/resume needs the id/);
    await sayAll(tested, "still here?");
    expect(storedIn(tested.folder)).toHaveLength(4);
  });

  test("/resume of this one says so", async () => {
    const tested = startChat();
    expect(await sayAll(tested, "hi", "/resume one")).toEqual([
      expect.stringMatching(/^error: .*this/),
    ]);
  });
});
