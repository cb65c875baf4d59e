import { mkdirSync, mkdtempSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { userText } from "../../../src/message.ts";
import {
  findSession,
  latestSession,
  listSessions,
  newSessionId,
  sessionPath,
} from "../../../src/session/session-folder.ts";
import { Session } from "../../../src/session/session.ts";
import { assistantText } from "../../support/conversation.ts";

const newFolder = (): string => mkdtempSync(join(tmpdir(), "kimi-folder-"));

interface Stored {
  readonly id: string;
  readonly text?: string;
  readonly startedIn?: string;
  readonly system?: string;
  /** Seconds since 1970. */
  readonly changed?: number;
}

function store(
  folder: string,
  { id, text = "q", startedIn = "/a", system = "", changed }: Stored,
): string {
  const path = sessionPath(folder, id);
  const session = Session.start(path, {
    id,
    createdAt: "2026-01-01T00:00:00.000Z",
    folder: startedIn,
    model: "m",
  });
  session.setSystem(system);
  session.add(userText(text));
  session.add(assistantText("ok"));
  session.close();
  if (changed !== undefined) utimesSync(path, changed, changed);
  return path;
}

const titleOf = (text: string, system = ""): string | undefined => {
  const folder = newFolder();
  store(folder, { id: "s", text, system });
  return listSessions(folder)[0]?.title;
};

describe("the name of a session", () => {
  test.each([
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "/etc/passwd",
    ".hidden",
    "-rf",
    "a b",
    "a\n",
    "a\0",
    "ä",
    "s.lock",
    "x".repeat(65),
  ])("is not %j", (name) => {
    expect(() => sessionPath("/sessions", name)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        hint: expect.stringContaining("letters") as string,
      }) as Error,
    );
  });

  test("never leads out of the folder", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "Z", "0", ".", "/", "\\", "-", "_", "~", ":") }),
        (name) => {
          let path: string;
          try {
            path = sessionPath("/sessions", name);
          } catch {
            return;
          }
          expect(path).toBe(`/sessions/${name}.jsonl`);
          expect(join(path)).toBe(path);
          expect(path.split("/")).toHaveLength(3);
        },
      ),
    );
  });

  test("may have 64 letters, and new ones are valid, sorted by time and apart", () => {
    expect(sessionPath("/s", "x".repeat(64))).toBe(`/s/${"x".repeat(64)}.jsonl`);
    const ids = [0, 1_000, 100_000_000_000].map((at) => newSessionId(new Date(at)));
    expect(ids.toSorted()).toEqual(ids);
    for (const id of ids) expect(sessionPath("/s", id)).toContain(id);
    const same = new Set(Array.from({ length: 100 }, () => newSessionId(new Date(0))));
    expect(same.size).toBeGreaterThanOrEqual(98); // two may meet: 100 of 2^24, once in 3,400 runs
  });
});

describe("a session is found", () => {
  const folder = newFolder();
  for (const id of ["work", "work-2", "20260101-120000-abc123", "20260101-120001-def456"])
    store(folder, { id });

  test("by its id, by its only start and by its end", () => {
    expect(findSession(folder, "work")).toBe("work");
    expect(findSession(folder, "work-")).toBe("work-2");
    expect(findSession(folder, "20260101-120001")).toBe("20260101-120001-def456");
    expect(findSession(folder, "abc123")).toBe("20260101-120000-abc123");
  });

  test.each([
    ["wor", /2 sessions begin with wor: .*work.*/, /more of its id/],
    ["2026", /2 sessions begin with 2026/, /more of its id/],
    ["nothing", /there is no session nothing/, /kimi sessions/],
    ["", /there is no session/, /kimi sessions/],
    ["../work", /there is no session \.\.\/work/, /kimi sessions/],
    [".", /there is no session/, /kimi sessions/],
  ])("not by %j, with a hint", (name, message, hint) => {
    expect(() => findSession(folder, name)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringMatching(message) as string,
        hint: expect.stringMatching(hint) as string,
      }) as Error,
    );
  });

  test("not where there is no folder", () => {
    expect(listSessions(join(folder, "none"))).toEqual([]);
    expect(latestSession(join(folder, "none"), "/a")).toBeUndefined();
  });
});

describe("the title", () => {
  test("is the start of the first thing the user said, on one line", () => {
    expect(titleOf("  What\n\tis 😀?  ")).toBe("What is 😀?");
    expect(titleOf("word ".repeat(100))).toBe(`${"word ".repeat(20)}…`);
  });

  test("is there for a first message of any length, whatever is in it", () => {
    expect(titleOf(`Long ${"x".repeat(100_000)}`)).toMatch(/^Long x{95}…$/);
    expect(titleOf(`Long ${"😀".repeat(100_000)}`)).toMatch(/^Long 😀/u);
    const special = fc.string({
      unit: fc.constantFrom("\\", '"', "\\u", "1", "\u0001", "\n", "ä", "😀", "\ud800"),
      minLength: 300,
      maxLength: 300,
    });
    fc.assert(
      fc.property(special, (text) => {
        const start = `Long ${text}`.replaceAll(/\s+/g, " ").slice(0, 20).trimEnd();
        expect(titleOf(`Long ${text.repeat(60)}`)?.startsWith(start)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("is there behind a long system prompt, too", () => {
    expect(titleOf("Hello.", "Be brief. ".repeat(10_000))).toBe("Hello.");
  });
});

test("a list has the last changed first, and what is no session is not in it", () => {
  const folder = newFolder();
  store(folder, { id: "middle", changed: 2_000 });
  store(folder, { id: "old", changed: 1_000, startedIn: "/b", text: "first" });
  store(folder, { id: "new", changed: 3_000 });
  for (const id of ["same-b", "same-a", "same-c"]) store(folder, { id, changed: 500 });
  mkdirSync(join(folder, "folder.jsonl"));
  writeFileSync(join(folder, "not a name.jsonl"), "");
  writeFileSync(join(folder, "notes.txt"), "");
  writeFileSync(join(folder, "damaged.jsonl"), '\u0000{"role":"user","text":"\u0001\\');
  utimesSync(join(folder, "damaged.jsonl"), 100, 100);
  const list = listSessions(folder);
  expect(list.map(({ id }) => id)).toEqual([
    "new",
    "middle",
    "old",
    "same-c",
    "same-b",
    "same-a",
    "damaged",
  ]);
  expect(list[2]).toEqual({
    id: "old",
    path: join(folder, "old.jsonl"),
    title: "first",
    folder: "/b",
    model: "m",
    createdAt: "2026-01-01T00:00:00.000Z",
    changedAt: "1970-01-01T00:16:40.000Z",
    sizeBytes: expect.any(Number) as number,
  });
  expect(latestSession(folder, "/b")).toBe("old");
  expect(latestSession(folder, "/elsewhere")).toBe("new");
});
