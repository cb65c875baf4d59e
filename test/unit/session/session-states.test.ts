import { mkdtempSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listSessions, removeSession } from "../../../src/session/session-folder.ts";
import { makeRoomForState, sessionStatePath } from "../../../src/session/session-states.ts";

/** Files of these names and sizes, each written a second after the one before. */
function folderOf(files: Readonly<Record<string, number>>): string {
  const folder = mkdtempSync(join(tmpdir(), "kimi-states-"));
  const now = Date.now() / 1000;
  for (const [index, [name, size]] of Object.entries(files).entries()) {
    writeFileSync(join(folder, name), Buffer.alloc(size));
    utimesSync(join(folder, name), now - 100 + index, now - 100 + index);
  }
  return folder;
}

const sessions = { "a.jsonl": 1, "b.jsonl": 1, "c.jsonl": 1 };

const statesIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => !name.endsWith(".jsonl"));

test("a state lies beside its session", () => {
  expect(sessionStatePath("/x/a.b.jsonl")).toBe("/x/a.b.kv");
});

test("the oldest states make room for a new one, and no more of them than must", () => {
  const folder = folderOf({ ...sessions, "b.kv": 40, "a.kv": 40 });
  expect(makeRoomForState(join(folder, "c.kv"), 60, 100)).toBe(true);
  expect(statesIn(folder)).toEqual(["a.kv"]);
});

test("a session's own state counts once", () => {
  const folder = folderOf({ ...sessions, "a.kv": 90, "b.kv": 10 });
  expect(makeRoomForState(join(folder, "a.kv"), 90, 100)).toBe(true);
  expect(statesIn(folder)).toEqual(["a.kv", "b.kv"]);
});

test("a state that is too large alone, or of no session, removes no other", () => {
  const folder = folderOf({ ...sessions, "a.kv": 90 });
  expect(makeRoomForState(join(folder, "b.kv"), 101, 100)).toBe(false);
  expect(makeRoomForState(join(folder, "gone.kv"), 50, 100)).toBe(false);
  expect(statesIn(folder)).toEqual(["a.kv"]);
});

test("states without a session and old drafts go, a draft that is being written stays", () => {
  const folder = folderOf({ ...sessions, "gone.kv": 5, "a.kv.123": 5, "b.kv.456": 5 });
  const yesterday = Date.now() / 1000 - 86_400;
  utimesSync(join(folder, "a.kv.123"), yesterday, yesterday);
  expect(makeRoomForState(join(folder, "c.kv"), 1, 100)).toBe(true);
  expect(statesIn(folder)).toEqual(["b.kv.456"]);
});

test("a session is removed with its state, and states are no sessions", () => {
  const folder = folderOf({ ...sessions, "a.kv": 5, "b.kv": 5 });
  expect(listSessions(folder).map(({ id }) => id)).toEqual(["c", "b", "a"]);
  removeSession(folder, "a");
  expect(readdirSync(folder).toSorted()).toEqual(["b.jsonl", "b.kv", "c.jsonl"]);
});
