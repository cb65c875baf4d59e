import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { userText, type Message } from "../../../src/message.ts";
import { loadSession } from "../../../src/session/session-state.ts";
import { Session } from "../../../src/session/session.ts";
import { answer, assistantCalls, assistantText, problemsOf } from "../../support/conversation.ts";
import { someConversation } from "../../support/some-conversation.ts";

const folder = mkdtempSync(join(tmpdir(), "kimi-session-"));
const info = { id: "s", createdAt: "2026-01-01T00:00:00.000Z", folder: "/somewhere", model: "m" };
let count = 0;
const newPath = (): string => join(folder, "sessions", `s${count++}.jsonl`);

/** What a program that starts now would have. */
function reloaded(path: string): { context: readonly Message[]; transcript: readonly Message[] } {
  const session = Session.resume(path, { id: "s", isKept: false });
  return { context: session.context, transcript: session.transcript };
}

type Operation =
  | { readonly type: "say"; readonly messages: readonly Message[] }
  | { readonly type: "undo" | "compact" | "prune"; readonly count: number }
  | { readonly type: "system"; readonly text: string }
  | { readonly type: "usage"; readonly cached: number | undefined }
  | { readonly type: "clear" | "reopen" };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: someConversation.map((messages) => ({ type: "say" as const, messages })),
  },
  fc.record({
    type: fc.constantFrom("undo" as const, "compact" as const, "prune" as const),
    count: fc.nat(8),
  }),
  fc.record({ type: fc.constant("system" as const), text: fc.constantFrom("", "a", "b") }),
  fc.record({
    type: fc.constant("usage" as const),
    cached: fc.option(fc.nat(9), { nil: undefined }),
  }),
  fc.record({ type: fc.constantFrom("clear" as const, "reopen" as const) }),
);

function apply(session: Session, operation: Operation): void {
  switch (operation.type) {
    case "say":
      for (const message of operation.messages) session.add(message);
      break;
    case "undo":
      session.undo(operation.count);
      break;
    case "compact":
      session.compact({ kept: operation.count, summary: "sum", pruned: ["functions.t:0"] });
      break;
    case "prune":
      session.compact({ kept: 99, pruned: [`functions.t:${operation.count}`] });
      break;
    case "system":
      session.setSystem(operation.text);
      break;
    case "usage": {
      const { cached } = operation;
      const more = cached === undefined ? {} : { cachedTokens: cached };
      session.addUsage({ inputTokens: 2, outputTokens: 1, ...more }, "m");
      break;
    }
    case "clear":
      session.clear();
      break;
    case "reopen":
      break;
    default:
      operation satisfies never;
  }
}

test("whatever is done to a session, its file adds up to the same as it had in memory", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 15 }), (operations) => {
      const path = newPath();
      let session = Session.start(path, info);
      for (const next of operations) {
        if (next.type === "reopen" && existsSync(path)) {
          session.close();
          session = Session.resume(path, { id: "s", isKept: true });
        } else apply(session, next);
        expect(problemsOf(session.context)).toEqual([]);
        expect(problemsOf(session.transcript)).toEqual([]);
      }
      session.close();
      if (!existsSync(path)) {
        expect(session.transcript).toEqual([]);
        return;
      }
      const state = loadSession(path);
      expect(reloaded(path)).toEqual({ context: session.context, transcript: session.transcript });
      expect(state.usage).toEqual(session.usage);
      expect(state.system).toBe(session.system);
      expect(state.info).toEqual(info);
    }),
    { numRuns: 300 },
  );
});

test("there is no file and no folder before the first message", () => {
  const path = join(folder, "later", "s.jsonl");
  const session = Session.start(path, info);
  session.setSystem("Be brief.");
  session.undo(3);
  session.clear();
  expect(existsSync(dirname(path))).toBe(false);
  session.add(userText("Hello."));
  session.close();
  const types = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { type: string }).type);
  expect(types).toEqual(["session", "system", "message"]);
});

test("only the user can read it, and nothing but it is left", () => {
  const path = join(folder, "private", "sessions", "s.jsonl");
  const session = Session.start(path, info);
  session.add(userText("Hello."));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(`${path}.lock`).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  session.close();
  expect(readdirSync(dirname(path))).toEqual(["s.jsonl"]);
});

test("a session without a path keeps nothing", () => {
  const session = Session.start(undefined, info);
  session.setSystem("Be brief.");
  session.add(userText("Hello."));
  session.undo(1);
  session.add(userText("Hi."));
  expect(session.context).toEqual([{ role: "system", text: "Be brief." }, userText("Hi.")]);
  session.close();
});

test("one that is resumed but not kept leaves its file and its lock alone", () => {
  const path = newPath();
  const open = Session.start(path, info);
  open.add(userText("Hello."));
  const before = readFileSync(path);
  const session = Session.resume(path, { id: "s", isKept: false });
  session.add(userText("Not for the file."));
  expect(session.context).toEqual([userText("Hello."), userText("Not for the file.")]);
  session.close();
  expect(readFileSync(path)).toEqual(before);
  expect(existsSync(`${path}.lock`)).toBe(true);
  open.close();
});

test("its id is the name of its file, also of a copied one", () => {
  const path = newPath();
  const session = Session.start(path, info);
  session.add(userText("Hello."));
  session.close();
  const copy = join(dirname(path), "copy.jsonl");
  writeFileSync(copy, readFileSync(path));
  const resumed = Session.resume(copy, { id: "copy", isKept: true });
  expect(resumed.info).toEqual({ ...info, id: "copy" });
  resumed.close();
});

test("two that start the same new session: the second is refused, nothing is mixed", () => {
  const path = newPath();
  const [first, second] = [Session.start(path, info), Session.start(path, info)];
  first.add(userText("first"));
  expect(() => second.add(userText("second"))).toThrow(/session s is open in another kimi/);
  first.close();
  expect(() => second.add(userText("second"))).toThrow(/was started by another kimi meanwhile/);
  second.close();
  expect(loadSession(path).transcript).toEqual([userText("first")]);
  expect(existsSync(`${path}.lock`)).toBe(false);
});

test("a call that lost its answer to an error is answered for the next request, and after a reload", () => {
  const path = newPath();
  const session = Session.start(path, info);
  session.add(userText("go"));
  session.add(assistantCalls("a", "b"));
  session.add(answer("a"));
  session.add(userText("and now?"));
  expect(problemsOf(session.context)).toEqual([]);
  session.undo(2); // the answer that was put in, and the question
  session.add(assistantText("ok"));
  expect(session.context.map(({ role }) => role)).toEqual([
    "user",
    "assistant",
    "tool",
    "tool",
    "assistant",
  ]);
  session.close();
  expect(reloaded(path).context).toEqual(session.context);
});

describe("what can't be written", () => {
  test("is an error with a hint, and not in memory either", () => {
    const blocked = join(folder, "file");
    writeFileSync(blocked, "");
    const session = Session.start(join(blocked, "s.jsonl"), info);
    expect(() => session.add(userText("Hello."))).toThrow(
      expect.objectContaining({
        code: "session",
        hint: expect.stringContaining("--no-session") as string,
      }) as Error,
    );
    expect(session.context).toEqual([]);
    session.close();
  });

  test("on a full disk cuts a line, and the next one is not glued to it", () => {
    const path = newPath();
    const script = `
      import { Session } from ${JSON.stringify(join(import.meta.dirname, "../../../src/session/session.ts"))};
      const user = (text) => ({ role: "user", content: [{ type: "text", text }] });
      const session = Session.start(${JSON.stringify(path)}, ${JSON.stringify(info)});
      session.add(user("short"));
      process.on("SIGXFSZ", () => {});
      try { session.add(user("long".repeat(10_000))); } catch (error) { console.log(error.code, error.hint); }
      session.close();`;
    const output = execFileSync(
      "bash",
      ["-c", 'ulimit -f 8; exec "$0" --input-type=module -e "$1"', process.execPath, script],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    );
    expect(output).toMatch(/^session Make room/);
    expect(statSync(path).size).toBeGreaterThan(1_000); // the line is cut
    const session = Session.resume(path, { id: "s", isKept: true });
    expect(session.repairs).toEqual(["left out line 3, which can't be read"]);
    session.add(userText("on"));
    session.close();
    expect(reloaded(path).context).toEqual([userText("short"), userText("on")]);
  });
});
