import { describe, expect, test } from "vitest";
import { marked } from "./composer/arbitraries.ts";
import { busy, insert, inputWith, press, pressed, withPopup } from "./inputs.ts";
import { completionAt, type Completion } from "../../../src/ui/composer/completion.ts";
import type { KeyAction } from "../../../src/ui/composer/keys.ts";
import { startSearch } from "../../../src/ui/composer/history-search.ts";
import { showCandidates, type InputEffect, type InputState } from "../../../src/ui/input-state.ts";

describe("a popup", () => {
  const commands = ["model", "compact"];

  test("is asked for where a command, its argument or a path is being written", () => {
    const asked = (text: string, key: KeyAction): readonly InputEffect[] =>
      press(inputWith(text), key).effects;
    expect(asked("/m|", insert("o"))).toMatchObject([
      { type: "complete", place: { kind: "command", query: "mo" } },
    ]);
    expect(asked("/model |", insert("k"))).toMatchObject([
      { type: "complete", place: { kind: "argument", command: "model", query: "k" } },
    ]);
    expect(asked("see @sr|", { type: "complete" })).toMatchObject([
      { type: "complete", place: { kind: "path", query: "sr" } },
    ]);
    expect(asked("see|", insert("x"))).toEqual([]);
  });

  test("shows the candidates that have come, unless more was written meanwhile", () => {
    const input = inputWith("/m|");
    const place = completionAt(input.composer) as Completion;
    expect(showCandidates(input, place, commands).popup).toEqual({
      place,
      candidates: commands,
      selected: 0,
    });
    expect(showCandidates(inputWith("/mo|"), place, commands).popup).toBeUndefined();
    expect(showCandidates(inputWith("hello|"), place, commands).popup).toBeUndefined();
  });

  test("closes when there is nothing to choose", () => {
    const input = withPopup("/model|", commands);
    const place = input.popup?.place as Completion;
    expect(showCandidates(input, place, []).popup).toBeUndefined();
    expect(showCandidates(input, place, ["model"]).popup).toBeUndefined();
  });

  test("does not open over a history search", () => {
    const input = inputWith("/m|", { search: startSearch() });
    const place = completionAt(input.composer) as Completion;
    expect(showCandidates(input, place, commands).popup).toBeUndefined();
  });

  test("up and down go round", () => {
    const input = withPopup("/m|", ["a", "b", "c"]);
    expect(pressed(input, { type: "up" }).popup?.selected).toBe(2);
    expect(pressed(input, { type: "down" }).popup?.selected).toBe(1);
    expect(pressed(input, { type: "up" }, { type: "down" }).popup?.selected).toBe(0);
  });

  test("Esc closes it, and interrupts nothing", () => {
    const { state, effects } = press(withPopup("/m|", commands), { type: "interrupt" }, busy);
    expect([state.popup, effects]).toEqual([undefined, []]);
  });

  test("Tab takes the chosen one", () => {
    const { state } = press(withPopup("/m|", commands, 1), { type: "complete" });
    expect([marked(state.composer), state.popup]).toEqual(["/compact |", undefined]);
  });

  test("Enter sends the chosen command", () => {
    const { state, effects } = press(withPopup("/m|", commands), { type: "submit" });
    expect(effects).toMatchObject([{ type: "submit", draft: { text: "/model " } }]);
    expect(state).toMatchObject({ popup: undefined, composer: { text: "" } });
  });

  test("Enter sends what is already whole", () => {
    const { effects } = press(withPopup("/model|", ["model", "models"]), { type: "submit" });
    expect(effects).toMatchObject([{ type: "submit", draft: { text: "/model" } }]);
  });

  test("Enter only completes a command that needs an argument, an argument and a path", () => {
    const enter = (input: InputState): string =>
      marked(press(input, { type: "submit" }).state.composer);
    expect(enter(withPopup("/re|", ["resume"]))).toBe("/resume |");
    expect(enter(withPopup("/model k|", ["kimi-nano"]))).toBe("/model kimi-nano|");
    expect(enter(withPopup("see @sr|", ["src/"]))).toBe("see @src/|");
  });

  test("Ctrl-S sends what is written, whatever is chosen", () => {
    const { effects } = press(withPopup("see @sr|", ["src/"]), { type: "steer" });
    expect(effects).toMatchObject([{ type: "steer", draft: { text: "see @sr" } }]);
  });

  test("other keys close it or go on with it", () => {
    expect(pressed(withPopup("/m|", commands), insert("o")).popup).toBeDefined();
    expect(pressed(withPopup("/m|", commands), insert(" ")).popup).toBeDefined();
    expect(pressed(withPopup("/m|", commands), { type: "move", to: "left" }).popup).toBeUndefined();
    expect(pressed(withPopup("/m|", commands), { type: "clear" }).popup).toBeUndefined();
    expect(pressed(withPopup("/m|", commands), { type: "cancel" }).popup).toBeUndefined();
    expect(pressed(withPopup("/m|", commands), { type: "page-up" }).popup).toBeUndefined();
  });

  test("of what was written before is not put into what is written now", () => {
    const typedOn = pressed(withPopup("/mo|", ["model"]), insert("d"));
    expect(marked(pressed(typedOn, { type: "complete" }).composer)).toBe("/mod|");
    const { effects } = press(typedOn, { type: "submit" });
    expect(effects).toMatchObject([{ type: "submit", draft: { text: "/mod" } }]);
  });
});
