import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import {
  initialState,
  reduce,
  type ChatAction,
  type ChatState,
  type Print,
} from "../../../src/ui/chat-state.ts";
import { anyAction, someRun, type Run } from "./chat-events.ts";

function actionsOf({ events, cut }: Run, from: number): ChatAction[] {
  return [
    { type: "run-start", at: from, what: "asking" },
    ...events.map((event, index): ChatAction => ({ type: "agent", at: from + index * 40, event })),
    cut === "error" ? { type: "run-end", error: { message: "gone" } } : { type: "run-end" },
  ];
}

/** Runs one after the other. */
const someRuns = fc
  .array(someRun, { minLength: 1, maxLength: 3 })
  .map((runs) => ({ runs, actions: runs.flatMap((run, index) => actionsOf(run, index * 9_000)) }));

const anyActions = fc.array(anyAction, { maxLength: 60, size: "max" });

function statesOf(actions: readonly ChatAction[]): ChatState[] {
  const states = [initialState];
  for (const action of actions) states.push(reduce(states.at(-1) ?? initialState, action));
  return states;
}

const textOfPrints = (prints: readonly Print[]): string =>
  prints.map((print) => (print.type === "text" ? print.text : "")).join("");

/** Whether a print is the same, or the same piece of text and more. */
function goesOn(before: Print, after: Print | undefined): boolean {
  if (before.type === "text" && after?.type === "text") return after.text.startsWith(before.text);
  return JSON.stringify(before) === JSON.stringify(after);
}

function expectPrintsToStay(states: readonly ChatState[]): void {
  for (const [index, { prints }] of states.entries()) {
    const next = states[index + 1];
    if (!next) continue;
    for (const [at, print] of prints.entries()) {
      const isLast = at === prints.length - 1;
      const same = JSON.stringify(print) === JSON.stringify(next.prints[at]);
      expect(same || (isLast && goesOn(print, next.prints[at]))).toBe(true);
    }
  }
}

test("every piece of an answer is printed once and in order, whatever ends the run", () => {
  fc.assert(
    fc.property(someRuns, ({ runs, actions }) => {
      const said = runs
        .flatMap(({ events }) => events)
        .map((event) => (event.type === "text-delta" ? event.text : ""))
        .join("");
      expect(textOfPrints(statesOf(actions).at(-1)?.prints ?? [])).toBe(said);
    }),
  );
});

test("each run of text is ended exactly once, before anything else that the run prints", () => {
  fc.assert(
    fc.property(someRuns, ({ actions }) => {
      let isOpen = false;
      for (const { type } of statesOf(actions).at(-1)?.prints ?? []) {
        if (type === "text-end") expect(isOpen).toBe(true);
        else if (type !== "text") expect(isOpen).toBe(false);
        isOpen = type === "text";
      }
      expect(isOpen).toBe(false);
    }),
  );
});

test("all calls that were answered are printed, in order", () => {
  fc.assert(
    fc.property(someRuns, ({ runs, actions }) => {
      const answered = runs
        .flatMap(({ events }) => events)
        .flatMap((event) =>
          event.type === "message" && event.message.role === "tool" ? [event.message.output] : [],
        );
      const printed = (statesOf(actions).at(-1)?.prints ?? []).flatMap((print) =>
        print.type === "tool" && print.display.type === "text" ? [print.display.text] : [],
      );
      expect(printed).toEqual(answered);
    }),
  );
});

test("thinking is printed once and in order, but for what an error cut short", () => {
  fc.assert(
    fc.property(someRun, (run) => {
      const thought = run.events
        .map((event) => (event.type === "thinking-delta" ? event.text : ""))
        .join("");
      const prints = statesOf(actionsOf(run, 0)).at(-1)?.prints ?? [];
      const printed = prints.map((print) => (print.type === "thinking" ? print.text : "")).join("");
      if (run.cut === "error") expect(thought.startsWith(printed)).toBe(true);
      else expect(printed).toBe(thought);
    }),
  );
});

test("prints never change, but that text at the end goes on", () => {
  fc.assert(fc.property(someRuns, ({ actions }) => expectPrintsToStay(statesOf(actions))));
  fc.assert(
    fc.property(anyActions, (actions) => {
      expectPrintsToStay(statesOf(actions.filter(({ type }) => type !== "printed")));
    }),
  );
});

test("tokens only become more, but for another conversation", () => {
  fc.assert(
    fc.property(anyActions, (actions) => {
      const states = statesOf(actions.filter(({ type }) => type !== "usage"));
      for (const [index, { usage }] of states.entries()) {
        const before = states[index - 1]?.usage ?? usage;
        expect(usage.inputTokens).toBeGreaterThanOrEqual(before.inputTokens);
        expect(usage.outputTokens).toBeGreaterThanOrEqual(before.outputTokens);
        expect(usage.cachedTokens ?? 0).toBeGreaterThanOrEqual(before.cachedTokens ?? 0);
      }
    }),
  );
});

test("whatever happens in whatever order, the state is plain data, and a run's end ends it all", () => {
  fc.assert(
    fc.property(anyActions, (actions) => {
      for (const state of statesOf(actions)) expect(structuredClone(state)).toEqual(state);
      const ended = reduce(statesOf(actions).at(-1) ?? initialState, { type: "run-end" });
      expect(ended).toMatchObject({
        working: undefined,
        calls: [],
        thinking: undefined,
        isAnswering: false,
        question: undefined,
        steering: [],
      });
    }),
  );
});
