/** Views of the live part of the screen, typical ones and any. */
import * as fc from "../../support/fast-check.ts";
import { anyComposer } from "./composer/arbitraries.ts";
import { someText } from "./shown-text.ts";
import { initialState, type ChatState, type Question } from "../../../src/ui/chat-state.ts";
import { completionAt } from "../../../src/ui/composer/completion.ts";
import { createInput, type InputState } from "../../../src/ui/input-state.ts";
import { renderLive, type LiveLines, type LiveView } from "../../../src/ui/live-view.ts";
import type { QuestionState } from "../../../src/ui/question-state.ts";
import { createTheme } from "../../../src/ui/theme.ts";

const plain = createTheme({ colorLevel: 0, background: "dark", hyperlinks: false });
const colored = createTheme({ colorLevel: 3, background: "dark", hyperlinks: true });

function view(change: Partial<LiveView> = {}): LiveView {
  return {
    chat: initialState,
    input: createInput([]),
    question: undefined,
    columns: 80,
    rows: 24,
    theme: plain,
    now: 10_000,
    model: "kimi-k2",
    contextWindow: 0,
    showsThinking: false,
    pending: () => [],
    about: () => "",
    ...change,
  };
}

export function chat(change: Partial<ChatState> = {}): ChatState {
  return { ...initialState, ...change };
}

export function live(change: Partial<LiveView> = {}): LiveLines {
  return renderLive(view(change));
}

const word = fc.oneof(someText, fc.constant("short"));
const texts = fc.array(word, { maxLength: 3 });
const count = fc.oneof(fc.nat(20_000_000), fc.nat(200));
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const display = fc.oneof(
  word.map((text) => ({ type: "text" as const, text })),
  fc.record({
    type: fc.constant("diff" as const),
    path: word,
    diff: word.map((text) => `@@ -1 +1,90 @@\n${text.replaceAll(/^/gm, "+")}`),
    added: count,
    removed: count,
  }),
);

const anyQuestion: fc.Arbitrary<Question> = fc
  .record({
    callId: fc.constantFrom("a", "b"),
    toolName: word,
    effect: fc.constantFrom("read" as const, "write" as const, "execute" as const),
    summary: word,
    rule: word,
    subject: optional(word),
    preview: optional(display),
  })
  .map(({ subject, preview, ...question }) => ({
    ...question,
    ...(subject === undefined ? {} : { subject }),
    ...(preview ? { preview } : {}),
  }));

const anyWork = fc.record({
  startedAt: fc.nat(20_000),
  what: fc.constantFrom("asking" as const, "compacting" as const, "command" as const),
  progress: optional(
    fc.record({
      type: fc.constant("progress" as const),
      phase: fc.constantFrom("load" as const, "prefill" as const),
      done: count,
      total: count,
    }),
  ),
  writing: optional(fc.record({ name: word, characters: count })),
  firstTokenAt: optional(fc.nat(20_000)),
  characters: count,
});

const anyCall = fc
  .record({
    id: fc.constantFrom("a", "b"),
    name: word,
    summary: word,
    startedAt: fc.nat(20_000),
    output: word,
    ended: optional(fc.constant({ outcome: "ok" as const, durationMs: 3 })),
  })
  .map(({ ended, ...call }) => ({ ...call, ...(ended ? { ended } : {}) }));

const anyChat: fc.Arbitrary<ChatState> = fc.record({
  working: optional(anyWork),
  calls: fc.array(anyCall, { maxLength: 4 }),
  thinking: optional(fc.record({ text: word, startedAt: fc.nat(20_000) })),
  isAnswering: fc.boolean(),
  queued: texts,
  steering: texts,
  question: optional(anyQuestion),
  prints: fc.constant([]),
  contextTokens: count,
  usage: fc.record({ inputTokens: count, outputTokens: count }),
  tokensPerSecond: optional(fc.double({ min: 0, max: 1e6, noNaN: true })),
});

const anyInput: fc.Arbitrary<InputState> = fc
  .record({
    composer: anyComposer,
    entries: texts,
    query: optional(word),
    found: fc.boolean(),
    candidates: fc.array(word, { minLength: 1, maxLength: 20 }),
    selected: fc.nat(),
    armedAt: optional(fc.nat(20_000)),
    popup: optional(fc.constantFrom("command" as const, "path" as const, "argument" as const)),
  })
  .map(({ composer, entries, query, found, candidates, selected, armedAt, popup }) => {
    const place = { ...completionAt(composer), query: "", from: 0, to: 0, command: "model" };
    return {
      ...createInput(entries),
      composer,
      armedAt,
      search:
        query === undefined
          ? undefined
          : { query, matchIndex: found && entries.length > 0 ? 0 : undefined },
      popup: popup && {
        place: { ...place, kind: popup },
        candidates,
        selected: selected % candidates.length,
      },
    };
  });

const anyQuestionState: fc.Arbitrary<QuestionState> = fc.record({
  selected: fc.nat(3),
  reason: optional(anyComposer),
  isFocused: fc.boolean(),
});

export const anyView: fc.Arbitrary<LiveView> = fc
  .record({
    chat: anyChat,
    input: anyInput,
    question: optional(anyQuestionState),
    columns: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 12 })),
    rows: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 8 })),
    theme: fc.constantFrom(plain, colored),
    now: fc.nat(20_000),
    model: word,
    contextWindow: count,
    showsThinking: fc.boolean(),
    pendingLines: fc.nat(80),
    about: word,
  })
  .map(({ pendingLines, about, ...view }) => ({
    ...view,
    pending: (maxLines: number) =>
      Array.from({ length: Math.min(Math.max(0, maxLines), pendingLines) }, (_, index) =>
        `line ${index}`.slice(0, view.columns),
      ),
    about: () => about,
  }));
