import { describe, expect, test } from "vitest";
import { createComposer } from "../../../../src/ui/composer/composer-state.ts";
import { readKey, resolveKey, type KeyAction } from "../../../../src/ui/composer/keys.ts";
import { composerAt } from "./arbitraries.ts";

const insert = (text: string): KeyAction => ({ type: "insert", text });
const submit: KeyAction = { type: "submit" };

describe("characters that come together", () => {
  test("are text, whatever their script", () => {
    for (const text of ["a", "A", "你好", "👨‍👩‍👧‍👦", "e\u0301", "hello world", "/", "[1;2"]) {
      expect(readKey(text, {})).toEqual([insert(text)]);
    }
    expect(readKey("", {})).toEqual([]);
  });

  test("with Enter at their end are sent", () => {
    expect(readKey("abc\r", {})).toEqual([insert("abc"), submit]);
    expect(readKey("\r\r", {})).toEqual([submit, submit]);
    expect(readKey("\r\n", {})).toEqual([submit]);
  });

  test("with Enter inside are several messages, typed ahead", () => {
    expect(readKey("a\rb", {})).toEqual([insert("a"), submit, insert("b")]);
    expect(readKey("a\r\nb\r", {})).toEqual([insert("a"), submit, insert("b"), submit]);
    expect(readKey("q\r\u0013", {})).toEqual([insert("q"), submit, { type: "steer" }]);
  });

  test("that are more than anybody types are a paste, in a terminal that marks none", () => {
    for (const text of ["line\r".repeat(11), `${"x".repeat(400)}\ry`]) {
      expect(readKey(text, {})).toEqual([{ type: "paste", text }]);
    }
  });

  test("with Ctrl-J at their end are a line and a line break", () => {
    expect(readKey("\n", {})).toEqual([{ type: "newline" }]);
    expect(readKey("ab\n", {})).toEqual([insert("ab"), { type: "newline" }]);
  });

  test("keep the keys among them in order", () => {
    expect(readKey("ab\u0001c\u0015\u001f", {})).toEqual([
      insert("ab"),
      { type: "move", to: "line-start" },
      insert("c"),
      { type: "kill", to: "line-start" },
      { type: "undo" },
    ]);
    expect(readKey("/he\t", {})).toEqual([insert("/he"), { type: "complete" }]);
    expect(readKey("a\tb", {})).toEqual([insert("a"), { type: "complete" }, insert("b")]);
  });
});

describe("keys", () => {
  test("that are released do nothing, nor do those with Super", () => {
    expect(readKey("a", { eventType: "release" })).toEqual([]);
    expect(readKey("\r", { return: true, eventType: "release" })).toEqual([]);
    expect(readKey("a", { eventType: "repeat" })).toEqual([insert("a")]);
    expect(readKey("c", { super: true })).toEqual([]);
  });

  test("with Alt that mean nothing are not text, but what follows Esc from an input method is", () => {
    expect(readKey("q", { meta: true })).toEqual([]);
    expect(readKey("中", { meta: true })).toEqual([insert("中")]);
  });
});

describe("what a key means for the text", () => {
  test("is the end of input for Ctrl-D only where there is no text", () => {
    const end: KeyAction = { type: "end-of-input" };
    expect(resolveKey(createComposer(), end)).toEqual(end);
    expect(resolveKey(createComposer("a"), end)).toEqual({ type: "erase", to: "right" });
  });

  test("is a line break for Enter behind a backslash", () => {
    expect(resolveKey(composerAt("a\\|"), submit)).toEqual({ type: "continue-line" });
    expect(resolveKey(composerAt("a\\\\|"), submit)).toEqual(submit);
  });
});
