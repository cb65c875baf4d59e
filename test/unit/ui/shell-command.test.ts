import { describe, expect, test } from "vitest";
import { heldReply, startChat, storedIn } from "../../support/chat-controller.ts";
import { text } from "../../support/scripted-engine.ts";
import { KimiError } from "../../../src/errors.ts";
import { textOf } from "../../../src/message.ts";
import type { ShellRun } from "../../../src/ui/chat-services.ts";
import { shellMessage } from "../../../src/session/shell-message.ts";

const said = (output: string, exitCode: number | undefined): string =>
  textOf(shellMessage({ command: "ls", output, exitCode }));

describe("what the model is told of a command", () => {
  test("is the command, what it printed, and how it ended", () => {
    expect(said("a\nb\n", 0)).toBe("I ran a command:\n\n$ ls\na\nb\n\nExit code 0.");
    expect(said("", 2)).toBe("I ran a command:\n\n$ ls\n\nExit code 2.");
    expect(said("", undefined)).toBe("I ran a command:\n\n$ ls\n\nIt was stopped.");
  });

  test("leaves out the middle of much", () => {
    const all = said(`start${"x".repeat(40_000)}end`, 0);
    expect(all.length).toBeLessThan(30_200);
    expect(all).toMatch(/start.*\n\[10008 characters left out\]\n.*end\n/s);
  });

  test("cuts no character in two", () => {
    expect(said(`x${"😀".repeat(20_000)}`, 0).isWellFormed()).toBe(true);
  });
});

/** A command that runs until the gate opens or it is interrupted. */
function heldShell(gate: Promise<void>) {
  return async (_: string, { signal, onOutput }: ShellRun): Promise<number | undefined> => {
    onOutput("running\n");
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([gate, aborted]);
    return signal.aborted ? undefined : 0;
  };
}

describe("!command", () => {
  test("runs, and is told to the model with the next message, which is not asked before", async () => {
    const { say, idle, lines, engine, folder } = startChat();
    say("! ls -l");
    await idle();
    expect(lines()).toEqual(["user: !ls -l", "tool ls -l: ran ls -l"]);
    expect(engine.requests).toEqual([]);
    say("what's that?");
    await idle();
    expect(storedIn(folder)[0]).toBe(
      "user: I ran a command:\n\n$ ls -l\nran ls -l\n\nExit code 0.",
    );
    expect(engine.requests[0]?.messages).toHaveLength(2);
  });

  test("says how it is meant when there is none", async () => {
    const { say, idle, lines } = startChat();
    say("!");
    await idle();
    expect(lines()).toEqual(["warning: ! runs a command: !ls"]);
  });

  test("that fails is told as a failure", async () => {
    const { say, idle, lines, folder } = startChat({ services: { runShell: async () => 3 } });
    say("!false");
    await idle();
    expect(lines()).toEqual(["user: !false", "error false: "]);
    expect(storedIn(folder)[0]).toContain("Exit code 3.");
  });

  test("that can't be run is an error, and leaves nothing", async () => {
    const runShell = async (): Promise<never> => {
      throw new KimiError("no shell", { code: "shell" });
    };
    const { say, idle, lines, store, chat } = startChat({ services: { runShell } });
    say("!ls");
    await idle();
    expect(lines()).toEqual(["user: !ls", "error: no shell"]);
    expect([store.state.calls, chat.session.context]).toEqual([[], []]);
  });

  test("can be interrupted, and what it printed is kept", async () => {
    const { say, idle, lines, chat, folder } = startChat({
      services: { runShell: heldShell(new Promise(() => {})) },
    });
    say("!sleep 99");
    chat.interrupt();
    await idle();
    expect(lines()).toEqual(["user: !sleep 99", "interrupted sleep 99: running"]);
    expect(storedIn(folder)[0]).toMatch(/running\n\nIt was stopped\.$/);
  });

  test("while the model works waits, and runs then", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { say, idle, lines, engine, store } = startChat({
      steps: [heldReply(promise), text("ok")],
    });
    say("go");
    say("!ls");
    say("and now?");
    expect(store.state.queued).toEqual(["!ls", "and now?"]);
    resolve();
    await idle();
    expect(lines()).toEqual([
      "user: go",
      "text: So far.",
      "user: !ls",
      "tool ls: ran ls",
      "user: and now?",
      "text: ok",
    ]);
    expect(engine.requests).toHaveLength(2);
  });

  test("with Ctrl-S while the model works is not said to the model", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { say, chat, idle, lines } = startChat({ steps: [heldReply(promise), text("ok")] });
    say("go");
    chat.steer({ shown: "!ls", text: "!ls" });
    resolve();
    await idle();
    expect(lines()).toEqual(["user: go", "text: So far.", "user: !ls", "tool ls: ran ls"]);
  });

  test("that runs: what is steered and queued meanwhile is said after it", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { say, chat, idle, lines, store } = startChat({
      services: { runShell: heldShell(promise) },
    });
    say("!make");
    say("second");
    chat.steer({ shown: "first", text: "first" });
    resolve();
    await expect.poll(() => lines().length).toBe(6);
    await idle();
    expect(lines().slice(2)).toEqual([
      "user: first",
      "text: Hello.",
      "user: second",
      "text: Hello.",
    ]);
    expect(store.state).toMatchObject({ queued: [], steering: [] });
  });
});
