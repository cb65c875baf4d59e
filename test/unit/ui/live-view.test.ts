import { describe, expect, test } from "vitest";
import { composerAt } from "./composer/arbitraries.ts";
import { chat, live } from "./live-views.ts";
import type { LiveCall, Question, Working } from "../../../src/ui/chat-state.ts";
import { startSearch } from "../../../src/ui/composer/history-search.ts";
import { createInput, type InputState } from "../../../src/ui/input-state.ts";
import { createQuestion } from "../../../src/ui/question-state.ts";

function work(change: Partial<Working> = {}): Working {
  const nothing = { progress: undefined, writing: undefined, firstTokenAt: undefined };
  return { startedAt: 4_000, what: "asking", characters: 0, ...nothing, ...change };
}

function call(change: Partial<LiveCall> = {}): LiveCall {
  return { id: "a", name: "t", summary: "read src/a.ts", startedAt: 8_000, output: "", ...change };
}

function typed(marked: string, change: Partial<InputState> = {}): InputState {
  return { ...createInput([]), composer: composerAt(marked), ...change };
}

const used = { usage: { inputTokens: 1_234, outputTokens: 567 }, contextTokens: 1_801 };
const question: Question = {
  callId: "a",
  toolName: "run_command",
  effect: "execute",
  summary: "ls",
  subject: "ls -l\npwd",
  rule: "run_command(ls *)",
};

describe("at rest", () => {
  test("there is the composer and the status, with the cursor where writing begins", () => {
    expect(live()).toEqual({
      lines: ["", "❯ Ask something, @file attaches, /help lists commands", "kimi-k2 · ↑0 ↓0"],
      cursor: { x: 2, y: 1 },
    });
  });

  test("the status tells what the conversation takes", () => {
    const lines = live({
      chat: chat({ ...used, tokensPerSecond: 42.4 }),
      contextWindow: 128_000,
    }).lines;
    expect(lines.at(-1)).toBe("kimi-k2 · ↑1.2k ↓567 · 1 % of 128k · 42 tok/s");
  });

  test("the status is as much as fits", () => {
    const status = (columns: number): string | undefined =>
      live({ chat: chat({ ...used, tokensPerSecond: 4.25 }), columns }).lines.at(-1);
    expect(status(60)).toBe("kimi-k2 · ↑1.2k ↓567 · 1.8k context · 4.3 tok/s");
    expect(status(40)).toBe("kimi-k2 · ↑1.2k ↓567 · 1.8k context");
    expect(status(12)).toBe("kimi-k2");
    expect(status(6)).toBe("kimi-…");
  });

  test("what is written takes as many rows as it needs, with the cursor in its place", () => {
    expect(live({ input: typed("one two th|ree four\nfive"), columns: 12 })).toEqual({
      lines: ["", "❯ one two ", "  three ", "  four", "  five", "kimi-k2"],
      cursor: { x: 4, y: 2 },
    });
  });

  test("of a long text the rows around the cursor are shown", () => {
    const text = Array.from({ length: 30 }, (_, index) => `line ${index}`).join("\n");
    const { lines, cursor } = live({ input: typed(`${text}|`) });
    expect(lines).toHaveLength(12);
    expect(lines.slice(-3)).toEqual(["  line 28", "  line 29", "kimi-k2 · ↑0 ↓0"]);
    expect(cursor).toEqual({ x: 9, y: 10 });
  });

  test("a second Ctrl-C is announced for as long as it leaves", () => {
    const input = typed("|", { armedAt: 9_000 });
    expect(live({ input }).lines[1]).toBe("❯ Ctrl-C again leaves");
    expect(live({ input, now: 11_000 }).lines[1]).toMatch(/^❯ Ask/);
  });

  test("candidates are listed below, the chosen one marked, with what they are", () => {
    const popup = {
      place: { kind: "command", query: "m", from: 0, to: 2 },
      candidates: ["model", "compact"],
      selected: 1,
    } as const;
    const about = (candidate: string): string => `about ${candidate}`;
    expect(live({ input: typed("/m|", { popup }), about })).toEqual({
      lines: [
        "",
        "❯ /m",
        "  /model    about model",
        "▸ /compact  about compact",
        "kimi-k2 · ↑0 ↓0",
      ],
      cursor: { x: 4, y: 1 },
    });
  });

  test("of many candidates those around the chosen one are listed", () => {
    const candidates = Array.from({ length: 20 }, (_, index) => `file-${index}`);
    const place = { kind: "path", query: "f", from: 0, to: 2 } as const;
    const shown = (selected: number): string[] =>
      live({ input: typed("@f|", { popup: { place, candidates, selected } }) })
        .lines.slice(2, -1)
        .map((line) => line.trim());
    expect(shown(0)).toEqual(["▸ @file-0", ...[1, 2, 3, 4, 5].map((n) => `@file-${n}`)]);
    expect(shown(19)).toEqual([...[14, 15, 16, 17, 18].map((n) => `@file-${n}`), "▸ @file-19"]);
  });

  test("a history search shows what is looked for and found", () => {
    const input = { ...createInput(["git status\nls"]), search: { query: "git", matchIndex: 0 } };
    expect(live({ input })).toMatchObject({
      lines: ["", "history: git  git status ⏎ ls", "kimi-k2 · ↑0 ↓0"],
      cursor: { x: 12, y: 1 },
    });
    const nothing = { ...input, search: { query: "x", matchIndex: undefined } };
    expect(live({ input: nothing }).lines[1]).toBe("history: x  (nothing found)");
    expect(live({ input: { ...input, search: startSearch() } }).lines[1]).toBe("history:");
  });
});

describe("while the model works", () => {
  test("80 by 24: what is being said, calls, thinking, what waits, the composer and the status", () => {
    const state = chat({
      ...used,
      working: work({ firstTokenAt: 5_000, characters: 400 }),
      calls: [
        call({ ended: { outcome: "ok", durationMs: 420 } }),
        call({ id: "b", summary: "run npm test", output: "one\ntwo\nthree\nfour\n" }),
      ],
      queued: ["and\nthen this"],
      steering: ["first that"],
    });
    expect(live({ chat: state, contextWindow: 8_192, pending: () => ["so far", "said"] })).toEqual({
      lines: [
        "so far",
        "said",
        "",
        "✓ read src/a.ts 0.4 s",
        "⠋ run npm test 2.0 s",
        "  two",
        "  three",
        "  four",
        "↳ first that",
        "⏵ and then this",
        "",
        "❯ Esc interrupts, Enter queues, Ctrl-S steers",
        "kimi-k2 · ↑1.2k ↓~667 · 23 % of 8.2k · 20 tok/s · 6 s",
      ],
      cursor: { x: 2, y: 11 },
    });
  });

  test("40 by 12: the end of it all is shown, never more than 11 lines", () => {
    const calls = Array.from({ length: 9 }, (_, index) =>
      call({ id: `c${index}`, summary: `read ${"long/".repeat(10)}${index}.ts` }),
    );
    const state = chat({ working: work(), calls });
    expect(live({ chat: state, columns: 40, rows: 12, pending: () => ["never"] })).toEqual({
      lines: [
        ...Array.from({ length: 9 }, () => "⠋ read long/long/long/long/lo… 2.0 s"),
        "❯ Esc interrupts",
        "kimi-k2 · ↑0 ↓0 · 6 s",
      ],
      cursor: { x: 2, y: 9 },
    });
  });

  test.each([
    [work(), "⠋ waiting for the model 6.0 s"],
    [work({ what: "compacting" }), "⠋ summing up the conversation 6.0 s"],
    [work({ what: "command" }), "⠋ running 6.0 s"],
    [work({ what: "opening" }), "⠋ opening the model 6.0 s"],
    [work({ writing: { name: "edit_file", characters: 50 } }), "⠋ writing a call of edit_file"],
    [
      work({ writing: { name: "edit_file", characters: 2_500 } }),
      "⠋ writing a call of edit_file, 2.5k characters",
    ],
  ])("what it does is said: %#", (working, line) => {
    expect(live({ chat: chat({ working }) }).lines[1]).toBe(line);
  });

  test.each([
    ["load", 1, 4, "loading the model ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 25 %"],
    ["prefill", 4, 4, "reading the prompt ████████████████████████████████████████ 100 %"],
    ["prefill", 9, 4, "reading the prompt ████████████████████████████████████████ 100 %"],
    ["load", 0, 0, "⠋ waiting for the model 6.0 s"],
  ] as const)("progress of %s, %i of %i, is a bar", (phase, done, total, line) => {
    const progress = { type: "progress", phase, done, total } as const;
    expect(live({ chat: chat({ working: work({ progress }) }) }).lines[1]).toBe(line);
  });

  test("nothing is said while the answer streams: it is seen", () => {
    const state = chat({ working: work(), isAnswering: true });
    expect(live({ chat: state, pending: () => ["an answer"] }).lines.slice(0, 3)).toEqual([
      "an answer",
      "",
      "❯ Esc interrupts, Enter queues, Ctrl-S steers",
    ]);
  });

  test("thinking is a line, or its end where it was asked for", () => {
    const text = Array.from({ length: 9 }, (_, index) => `thought ${index}`).join("\n");
    const state = chat({ working: work(), thinking: { text, startedAt: 5_000 } });
    expect(live({ chat: state }).lines[1]).toBe("⠋ thinking 5.0 s (Ctrl-O shows it)");
    expect(live({ chat: state, showsThinking: true }).lines.slice(1, 8)).toEqual([
      "⠋ thinking 5.0 s",
      ...[3, 4, 5, 6, 7, 8].map((n) => `  thought ${n}`),
    ]);
  });

  test("the spinner turns", () => {
    const first = (now: number): string | undefined =>
      live({ chat: chat({ working: work() }), now }).lines[1]?.[0];
    expect([first(10_000), first(10_125), first(10_250)]).toEqual(["⠋", "⠙", "⠹"]);
  });
});

describe("a question", () => {
  const asked = chat({ working: work(), calls: [call({ summary: "ls" })], question });

  test("shows what would run and the four answers, and hides the cursor", () => {
    expect(live({ chat: asked, question: createQuestion(true) })).toEqual({
      lines: [
        "",
        "? May run_command run this?",
        "  ls -l",
        "  pwd",
        "▸ 1 yes, once",
        "  2 yes, in this session: run_command(ls *)",
        "  3 always: run_command(ls *)",
        "  4 no, and say why",
        "kimi-k2 · ↑0 ↓0",
      ],
      cursor: undefined,
    });
  });

  test("waits for Tab while something is being written", () => {
    const shown = live({
      chat: asked,
      question: createQuestion(false),
      input: typed("by the way|"),
    });
    expect(shown.lines.slice(4)).toEqual([
      "  1 yes, once",
      "  2 yes, in this session: run_command(ls *)",
      "  3 always: run_command(ls *)",
      "  4 no, and say why",
      "  Tab answers; what you write stays",
      "❯ by the way",
      "kimi-k2 · ↑0 ↓0",
    ]);
    expect(shown.cursor).toEqual({ x: 12, y: 9 });
  });

  test("about a change names the file and shows the change", () => {
    const diff = "@@ -7 +7 @@\n-old\n+new";
    const preview = { type: "diff", path: "src/a.ts", diff, added: 1, removed: 1 } as const;
    const edit = { ...question, toolName: "edit_file", effect: "write", preview } as const;
    expect(
      live({ chat: chat({ question: edit }), question: createQuestion(true) }).lines.slice(1, 5),
    ).toEqual(["? May edit_file change this?", "  src/a.ts (+1 -1)", "  7 - old", "  7 + new"]);
  });

  test("about a long change keeps the answers on the screen", () => {
    const diff = `@@ -0,0 +1,90 @@\n${"+line\n".repeat(90)}`;
    const preview = { type: "diff", path: "a.ts", diff, added: 90, removed: 0 } as const;
    const { lines } = live({
      chat: chat({ question: { ...question, preview } }),
      question: createQuestion(true),
      columns: 40,
      rows: 12,
    });
    expect(lines.length).toBeLessThan(12);
    expect(lines.slice(-5)).toEqual([
      "▸ 1 yes, once",
      "  2 yes, in this session: run_command(l…",
      "  3 always: run_command(ls *)",
      "  4 no, and say why",
      "kimi-k2 · ↑0 ↓0",
    ]);
    expect(lines.some((line) => /… \d+ more lines, all of them above/.test(line))).toBe(true);
  });

  test("about a long command says that there is more of it", () => {
    const subject = Array.from({ length: 60 }, (_, index) => `command ${index}`).join("\n");
    const { lines } = live({
      chat: chat({ question: { ...question, subject } }),
      question: createQuestion(true),
    });
    expect(lines).toContainEqual(expect.stringMatching(/… \d+ more lines/));
  });

  test("takes a reason", () => {
    const reason = composerAt("too soon|");
    expect(live({ chat: asked, question: { selected: 3, reason, isFocused: true } })).toMatchObject(
      {
        lines: [
          "",
          "? May run_command run this?",
          "  ls -l",
          "  pwd",
          "  no, because: too soon",
          "  Enter says no, Esc goes back",
          "kimi-k2 · ↑0 ↓0",
        ],
        cursor: { x: 23, y: 4 },
      },
    );
  });
});
