import { describe, expect, test } from "vitest";
import type { KeyAction } from "../../../src/ui/composer/keys.ts";
import {
  choices,
  createQuestion,
  reduceQuestion,
  type QuestionResult,
  type QuestionState,
} from "../../../src/ui/question-state.ts";

const asked = createQuestion(true);

function press(key: KeyAction, state: QuestionState = asked): QuestionResult | undefined {
  return reduceQuestion(state, key);
}

function pressed(state: QuestionState, ...keys: readonly KeyAction[]): QuestionState {
  return keys.reduce((now, key) => reduceQuestion(now, key)?.state ?? now, state);
}

const insert = (text: string): KeyAction => ({ type: "insert", text });
const submit: KeyAction = { type: "submit" };
const interrupt: KeyAction = { type: "interrupt" };

test("what is asked begins with the answer that allows least", () => {
  expect([choices[asked.selected], asked.reason]).toEqual(["once", undefined]);
});

describe("choosing", () => {
  test.each([
    ["1", "once"],
    ["2", "session"],
    ["3", "always"],
  ])("%s answers %s", (digit, answer) => {
    expect(press(insert(digit))?.answer).toEqual({ answer });
  });

  test("4 asks why", () => {
    const result = press(insert("4"));
    expect(result?.answer).toBeUndefined();
    expect(result?.state).toMatchObject({ selected: 3, reason: { text: "" } });
  });

  test.each([
    [0, "once"],
    [1, "session"],
    [2, "always"],
  ])("Enter answers what is chosen: %i, %s", (selected, answer) => {
    expect(press(submit, { ...asked, selected })?.answer).toEqual({ answer });
  });

  test("Enter on no asks why", () => {
    const result = press(submit, { ...asked, selected: 3 });
    expect([result?.answer, result?.state.reason?.text]).toEqual([undefined, ""]);
  });

  test("up, down and Tab go round", () => {
    const selected = (...types: readonly ("up" | "down" | "complete")[]): number =>
      pressed(asked, ...types.map((type): KeyAction => ({ type }))).selected;
    expect(selected("up")).toBe(3);
    expect(selected("down")).toBe(1);
    expect(selected("complete", "complete", "down", "down")).toBe(0);
  });

  test("Esc says no", () => {
    expect(press(interrupt)?.answer).toEqual({ answer: "no", reason: "" });
  });

  test.each<readonly [KeyAction]>([
    [insert("5")],
    [insert("12")],
    [insert("")],
    [insert("y")],
    [{ type: "paste", text: "1" }],
    [{ type: "newline" }],
    [{ type: "move", to: "left" }],
    [{ type: "erase", to: "left" }],
    [{ type: "undo" }],
    [{ type: "steer" }],
    [{ type: "cancel" }],
    [{ type: "end-of-input" }],
    [{ type: "back-tab" }],
    [{ type: "editor" }],
    [{ type: "suspend" }],
    [{ type: "search-history" }],
    [{ type: "fold" }],
    [{ type: "redraw" }],
    [{ type: "page-up" }],
    [{ type: "page-down" }],
  ])("%j answers nothing", (key) => {
    expect(press(key)).toBeUndefined();
  });
});

describe("a reason", () => {
  const why = pressed(asked, insert("4"), insert("too "), insert("soon"));

  test("is written like anything else", () => {
    expect(why.reason?.text).toBe("too soon");
    const edited = pressed(
      why,
      { type: "kill", to: "word-left" },
      { type: "paste", text: "late\n" },
    );
    expect(edited.reason?.text).toBe("too late\n");
  });

  test("goes with the answer on Enter, also an empty one", () => {
    expect(press(submit, why)?.answer).toEqual({ answer: "no", reason: "too soon" });
    expect(press(submit, pressed(asked, insert("4")))?.answer).toEqual({
      answer: "no",
      reason: "",
    });
  });

  test("is given whole, also where it was pasted", () => {
    const long = "x".repeat(3_000);
    const pasted = pressed(why, { type: "clear" }, { type: "paste", text: long });
    expect(press(submit, pasted)?.answer).toEqual({ answer: "no", reason: long });
  });

  test("can be given up with Esc", () => {
    const back = pressed(why, interrupt);
    expect([back.reason, back.selected]).toEqual([undefined, 3]);
    expect(press(insert("1"), back)?.answer).toEqual({ answer: "once" });
  });

  test.each<readonly [KeyAction]>([
    [{ type: "up" }],
    [{ type: "down" }],
    [{ type: "complete" }],
    [{ type: "steer" }],
    [{ type: "cancel" }],
    [{ type: "end-of-input" }],
    [{ type: "search-history" }],
    [{ type: "editor" }],
  ])("is left alone by %j", (key) => {
    expect(press(key, why)).toBeUndefined();
  });
});
