import { describe, expect, test } from "vitest";
import { marked } from "./composer/arbitraries.ts";
import { busy, idle, insert, inputWith, press, pressed, withPopup } from "./inputs.ts";
import { createComposer } from "../../../src/ui/composer/composer-state.ts";
import { applyEdit } from "../../../src/ui/composer/edit-actions.ts";
import { startSearch } from "../../../src/ui/composer/history-search.ts";
import type { KeyAction } from "../../../src/ui/composer/keys.ts";
import { armedMs, draftOf, putBack, type InputEffect } from "../../../src/ui/input-state.ts";

interface Row {
  readonly key?: KeyAction;
  readonly text?: string;
  readonly idle?: readonly InputEffect["type"][];
  readonly working?: readonly InputEffect["type"][];
}

/** What each key does to `one tw|o` without popup and search: a key without a row does not compile. */
const rows: { readonly [Type in KeyAction["type"]]: Row } = {
  insert: { key: insert("x"), text: "one twx|o" },
  paste: { key: { type: "paste", text: "x\r\ny" }, text: "one twx\ny|o" },
  newline: { text: "one tw\n|o" },
  "continue-line": { text: "one tw\n|o" },
  move: { key: { type: "move", to: "line-start" }, text: "|one two" },
  erase: { key: { type: "erase", to: "left" }, text: "one t|o" },
  kill: { key: { type: "kill", to: "line-start" }, text: "|o" },
  yank: {},
  "yank-older": {},
  transpose: { text: "one tow|" },
  undo: {},
  redo: {},
  "expand-paste": {},
  "set-text": { key: { type: "set-text", text: "x" }, text: "x|" },
  clear: { text: "|" },
  submit: { text: "|", idle: ["submit"] },
  steer: { text: "|", idle: ["steer"] },
  interrupt: { working: ["interrupt"] },
  "end-of-input": { text: "one tw|" },
  editor: { idle: ["editor"] },
  suspend: { idle: ["suspend"] },
  fold: { idle: ["fold"] },
  redraw: { idle: ["redraw"] },
  "search-history": {},
  complete: {},
  "back-tab": {},
  up: { text: "newer|" },
  down: {},
  "page-up": { text: "newer|" },
  "page-down": {},
  cancel: { text: "|", working: ["interrupt"] },
};

const keys = Object.entries(rows).map(([type, row]) => ({ key: { type } as KeyAction, ...row }));

describe("a key", () => {
  test.each(keys)(
    "$key.type does what it does",
    ({ key, text = "one tw|o", idle = [], working }) => {
      const now = press(inputWith("one tw|o"), key);
      expect(marked(now.state.composer)).toBe(text);
      expect(now.effects.map(({ type }) => type)).toEqual(idle);
      const then = press(inputWith("one tw|o"), key, busy);
      expect(marked(then.state.composer)).toBe(key.type === "cancel" ? "one tw|o" : text);
      expect(then.effects.map(({ type }) => type)).toEqual(working ?? idle);
    },
  );

  test("Ctrl-D leaves where nothing is written", () => {
    expect(press(inputWith("|"), { type: "end-of-input" }).effects).toEqual([{ type: "exit" }]);
  });

  test("Enter sends nothing where nothing is written", () => {
    for (const type of ["submit", "steer"] as const) {
      expect(press(inputWith("  \n|"), { type }).effects).toEqual([]);
    }
  });

  test("Enter after a backslash goes on with the next line", () => {
    const { state, effects } = press(inputWith("a\\|"), { type: "submit" });
    expect([marked(state.composer), effects]).toEqual(["a\n|", []]);
  });

  test("what was sent is in the history, and not in the composer", () => {
    const { state, effects } = press(inputWith("hello|"), { type: "submit" });
    expect(effects).toEqual([{ type: "submit", draft: { shown: "hello", text: "hello" } }]);
    expect(marked(pressed(state, { type: "up" }).composer)).toBe("hello|");
  });

  test("up moves within the text first, then to what was said before, and down comes back", () => {
    const up = pressed(inputWith("a\nb|"), { type: "up" });
    expect(marked(up.composer)).toBe("a|\nb");
    const older = pressed(up, { type: "up" }, { type: "up" });
    expect(marked(older.composer)).toBe("older|");
    expect(pressed(older, { type: "down" }, { type: "down" }).composer.text).toBe("a\nb");
  });
});

describe("Ctrl-C", () => {
  const cancel: KeyAction = { type: "cancel" };

  test("clears what is being written, which undo brings back", () => {
    const { state, effects } = press(inputWith("abc|"), cancel);
    expect([state.composer.text, effects]).toEqual(["", []]);
    expect(pressed(state, { type: "undo" }).composer.text).toBe("abc");
  });

  test("interrupts a run, and leaves what is being written alone", () => {
    const { state, effects } = press(inputWith("abc|"), cancel, busy);
    expect([state.composer.text, effects]).toEqual(["abc", [{ type: "interrupt" }]]);
  });

  test.each([
    [0, true],
    [armedMs - 1, true],
    [armedMs, false],
  ])("twice within %i ms leaves: %s", (wait, leaves) => {
    const { state } = press(inputWith("|"), cancel);
    const { effects } = press(state, cancel, { ...idle, now: idle.now + wait });
    expect(effects).toEqual(leaves ? [{ type: "exit" }] : []);
  });

  test("twice leaves while the model works, too", () => {
    const { state } = press(inputWith("|"), cancel, busy);
    expect(press(state, cancel, busy).effects).toEqual([{ type: "exit" }]);
  });

  const others = keys.filter(({ key }) => key.type !== "cancel");

  test.each(others)("does not leave if $key.type was pressed between", ({ key }) => {
    const { state } = press(inputWith("|"), cancel);
    const { effects } = press(pressed(state, key), cancel);
    expect(effects).not.toContainEqual({ type: "exit" });
  });
});

describe("text that comes back", () => {
  test("goes before what is being written", () => {
    expect(marked(putBack(inputWith("now|"), "before").composer)).toBe("before\nnow|");
    expect(marked(putBack(inputWith("|"), "before").composer)).toBe("before|");
  });

  test("goes to the composer, not to a search or a popup", () => {
    const state = putBack(withPopup("/m|", ["model"]), "before");
    expect([state.popup, state.composer.text]).toEqual([undefined, "before\n/m"]);
    expect(putBack(inputWith("|", { search: startSearch() }), "x").search).toBeUndefined();
  });

  test("leaves what was cleared to be undone", () => {
    const cleared = press(inputWith("abc|"), { type: "cancel" }).state;
    const state = pressed(putBack(cleared, "back"), { type: "undo" }, { type: "undo" });
    expect(state.composer.text).toBe("abc");
  });

  test("keeps a paste that is being written", () => {
    const pasted = "x".repeat(2_000);
    const state = pressed(inputWith("|"), { type: "paste", text: pasted });
    expect(draftOf(putBack(state, "before").composer).text).toBe(`before\n${pasted}`);
  });
});

test("a large paste is shown by a label, and sent as it is", () => {
  const composer = applyEdit(createComposer("see: "), { type: "paste", text: "汉\n".repeat(600) });
  expect(draftOf(composer)).toEqual({
    shown: "see: [pasted 1,200 characters, 600 lines]",
    text: `see: ${"汉\n".repeat(600)}`,
  });
});
