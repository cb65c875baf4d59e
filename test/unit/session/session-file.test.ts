/** Whatever happened to a file, what is whole in it is there, and what is written next is whole, too. */
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { beforeAll, describe, expect, test } from "vitest";
import { userText, type Message } from "../../../src/message.ts";
import { readSessionFile } from "../../../src/session/session-file.ts";
import type { SessionRecord } from "../../../src/session/session-records.ts";
import { loadSession } from "../../../src/session/session-state.ts";
import { Session } from "../../../src/session/session.ts";
import { answer, assistantCalls, assistantText, problemsOf } from "../../support/conversation.ts";

const folder = mkdtempSync(join(tmpdir(), "kimi-session-file-"));
const at = "2026-01-01T00:00:00.000Z";
const info = { id: "s", createdAt: at, folder: "/somewhere", model: "kimi-k2" };
const usage = { inputTokens: 3, outputTokens: 2, cachedTokens: 1 };
let count = 0;

const newPath = (): string => join(folder, `s${count++}.jsonl`);

function fileOf(bytes: string | Uint8Array): string {
  const path = newPath();
  writeFileSync(path, bytes);
  return path;
}

/** Every type of record and of message. */
function wholeFile(): Buffer {
  const path = newPath();
  const session = Session.start(path, info);
  session.setSystem("Be brief. 😀");
  session.add({
    role: "user",
    content: [
      { type: "text", text: 'What is "北京"\n?' },
      { type: "image", url: "data:image/png;base64,AA==" },
    ],
  });
  session.addUsage(usage, "kimi-k2");
  session.add({
    role: "assistant",
    content: [
      { type: "thinking", text: "hm", signature: "sig" },
      ...assistantCalls("a", "b").content,
    ],
  });
  session.add(answer("a", "x".repeat(500)));
  session.add({ ...answer("b", "ünïcode"), isError: true });
  session.add(assistantText("It is."));
  session.compact({ kept: 4, summary: "They asked for 北京.", pruned: ["a"] });
  session.add(userText("Not this."));
  session.undo(1);
  session.clear();
  session.setSystem("");
  session.add(userText("Again."));
  session.add(assistantCalls("c"));
  session.add(answer("c"));
  session.add(assistantText("Done."));
  session.close();
  return readFileSync(path);
}

const whole = wholeFile();
const allRecords = (): readonly SessionRecord[] => readSessionFile(fileOf(whole)).records;

function expectWhole(messages: readonly Message[]): void {
  expect(problemsOf(messages)).toEqual([]);
}

describe("a file that is cut at any byte", () => {
  const cuts = Array.from({ length: whole.length + 1 }, (_, size) => size);
  const paths = new Map<number, string>();
  beforeAll(() => cuts.forEach((size) => paths.set(size, fileOf(whole.subarray(0, size)))));

  test("keeps every whole line before the cut, and each call has one answer", () => {
    const all = allRecords();
    expect(new Set(all.map(({ type }) => type)).size).toBe(7);
    for (const [size, path] of paths) {
      const lines = whole.subarray(0, size).toString("latin1").split("\n");
      const ends = whole[size] === 0x0a ? lines.length : lines.length - 1; // a line may lack its end only
      const { records, badLines } = readSessionFile(path);
      expect(records).toEqual(all.slice(0, ends));
      expect(badLines.length).toBe(whole[size] === 0x0a || lines.at(-1) === "" ? 0 : 1);
      const { messages, transcript } = loadSession(path);
      expectWhole(messages);
      expectWhole(transcript);
    }
  });

  test("loses nothing and glues nothing when it goes on", () => {
    for (const path of paths.values()) {
      const before = readSessionFile(path).records;
      const { transcript } = loadSession(path);
      const session = Session.resume(path, { id: "s", isKept: true });
      const { context } = session;
      session.add(userText("on"));
      session.addUsage(usage, "m");
      session.close();
      const after = readSessionFile(path);
      expect(after.badLines.length).toBeLessThanOrEqual(1);
      const header = before.length === 0 ? ["session"] : [];
      const added = [...header, "message", "usage"];
      expect(after.records.slice(0, before.length)).toEqual(before);
      expect(after.records.slice(before.length).map(({ type }) => type)).toEqual(added);
      const again = loadSession(path);
      expect(again.transcript).toEqual([...transcript, userText("on")]);
      const system = again.system === "" ? [] : [{ role: "system", text: again.system }];
      expect([...system, ...again.messages]).toEqual([...context, userText("on")]);
    }
  });
});

test("lines of garbage anywhere are left out, named, and nothing else is", () => {
  const lines = whole.toString("utf8").trimEnd().split("\n");
  const all = allRecords();
  const state = loadSession(fileOf(whole));
  const garbage = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.json().map((value) => `{"type":"message","message":${value}}`),
    fc
      .uint8Array({ minLength: 1, maxLength: 50 })
      .map((bytes) => Buffer.from(bytes).toString("latin1")),
    fc
      .constantFrom(...lines)
      .chain((line) =>
        fc.integer({ min: 1, max: line.length - 1 }).map((cut) => line.slice(0, cut)),
      ),
  );
  const placed = fc.tuple(
    fc.integer({ min: 0, max: lines.length }),
    garbage.filter((text) => text.trim() !== "" && !text.includes("\n")),
  );
  fc.assert(
    fc.property(fc.array(placed, { minLength: 1, maxLength: 8 }), (list) => {
      const mixed = [...lines];
      for (const [place, text] of list.toSorted(([a], [b]) => b - a)) mixed.splice(place, 0, text);
      const path = fileOf(`${mixed.join("\n")}\n`);
      expect(readSessionFile(path).records).toEqual(all);
      const { repairs, ...rest } = loadSession(path);
      expect(repairs).toEqual([expect.stringMatching(/^left out lines? \d+/)]);
      expect(rest).toEqual({ ...state, repairs: undefined, ...rest });
    }),
    { numRuns: 200 },
  );
});

test.each([
  '{"type":"constructor"}',
  '{"type":"message","message":{"role":"user","content":[{"type":"constructor"}]}}',
  '{"type":"message","message":{"role":"user","content":[{"type":"__proto__"}]}}',
  '{"type":"message","message":{"role":"user","content":[{"type":"tool-call","id":"a","name":"t","arguments":"{}"}]}}',
  '{"type":"message","message":{"role":"assistant","content":[{"type":"image","url":"u"}]}}',
  '{"type":"message","message":{"role":"assistant","content":"text"}}',
  '{"type":"message","message":{"role":"tool","callId":"a","toolName":"t","output":"1"}}',
  '{"type":"message","message":{"role":"robot","content":[]}}',
  '{"type":"message","message":null}',
  '{"type":"usage","usage":{"inputTokens":1,"outputTokens":-1}}',
  '{"type":"usage","usage":{"inputTokens":1,"outputTokens":1,"cachedTokens":"1"}}',
  '{"type":"compaction","compaction":{"kept":1}}',
  '{"type":"undo","count":0.5}',
  '{"type":"session","version":1,"id":"s"}',
  "null",
  "[]",
  '"text"',
])("the line %s is no record", (line) => {
  const path = fileOf(whole);
  appendFileSync(path, `${line}\n`);
  const { records, badLines } = readSessionFile(path);
  expect(records).toEqual(allRecords());
  expect(badLines).toEqual([allRecords().length + 1]);
});

test("binary garbage, an empty file and one of a header alone can be gone on with", () => {
  const header = whole.subarray(0, whole.indexOf(0x0a) + 1);
  const binary = Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7_919) % 256));
  for (const bytes of [binary, Buffer.alloc(4_096), Buffer.alloc(0), header]) {
    const path = fileOf(bytes);
    const session = Session.resume(path, { id: "mine", isKept: true });
    expect([session.id, session.context]).toEqual(["mine", []]);
    session.add(userText("Hello."));
    session.close();
    const { transcript, info: loaded } = loadSession(path);
    expect(transcript).toEqual([userText("Hello.")]);
    expect(loaded).toMatchObject({ folder: expect.any(String) as string });
    expect(readFileSync(path).subarray(0, bytes.length)).toEqual(bytes); // nothing is deleted
  }
});

test("what was repaired is said in words, a sentence each", () => {
  const path = newPath();
  const lines = [
    { type: "message", message: answer("nobody"), at },
    { type: "message", message: userText("q"), at },
    { type: "message", message: assistantCalls("a", "b"), at },
    { type: "message", message: answer("b"), at },
    { type: "message", message: answer("b", "twice"), at },
    { type: "message", message: userText("and?"), at },
    { type: "message", message: assistantCalls("a"), at },
  ];
  writeFileSync(path, `garbage\n${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);
  const { repairs, messages, transcript } = loadSession(path);
  expect(repairs).toEqual([
    "left out line 1, which can't be read",
    'answered 2 calls "interrupted"',
    "left out 2 answers without a call",
  ]);
  const interrupted = { ...answer("a", '{"error": "interrupted"}'), isError: true };
  expect(messages).toEqual([
    userText("q"),
    assistantCalls("a", "b"),
    answer("b"),
    interrupted,
    userText("and?"),
    assistantCalls("a"),
    interrupted,
  ]);
  expect(transcript).toEqual(messages);
});

test("a file of a newer program is refused, not misread", () => {
  const path = fileOf(
    '{"type":"session","version":2,"id":"s","createdAt":"","folder":"","model":""}\n',
  );
  expect(() => loadSession(path)).toThrow(/newer kimi/);
  expect(() => Session.resume(path, { id: "s", isKept: true })).toThrow(/newer kimi/);
  expect(() => Session.resume(path, { id: "s", isKept: true })).toThrow(/newer kimi/); // and not left locked
});
