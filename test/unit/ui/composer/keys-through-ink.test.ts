/** The bytes that terminals send, through Ink itself. */
import { PassThrough } from "node:stream";
import { render, useInput, usePaste } from "ink";
import { createElement } from "react";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readKey, type KeyAction } from "../../../../src/ui/composer/keys.ts";

const stdin = Object.assign(new PassThrough(), {
  isTTY: true,
  setRawMode: () => stdin,
  ref: () => stdin,
  unref: () => stdin,
});
stdin.setEncoding("utf8");
const stdout = Object.assign(new PassThrough(), { columns: 80, rows: 24, isTTY: true });
stdout.resume();

let receive: (actions: readonly KeyAction[]) => void = () => undefined;

function Keys(): null {
  useInput((input, key) => receive(readKey(input, key)));
  usePaste((text) => receive([{ type: "paste", text }]));
  return null;
}

/** Everything up to the mark that is sent behind the bytes. */
async function sent(bytes: string): Promise<KeyAction[]> {
  const { promise, resolve } = Promise.withResolvers<KeyAction[]>();
  const received: KeyAction[] = [];
  receive = (actions) => {
    const isMark = actions[0]?.type === "paste" && actions[0].text === "mark";
    if (isMark) resolve(received);
    else received.push(...actions);
  };
  stdin.write(bytes);
  stdin.write("\u001b[200~mark\u001b[201~");
  return promise;
}

const expected: readonly (readonly [name: string, bytes: string, ...actions: KeyAction[]])[] = [
  ["Enter", "\r", { type: "submit" }],
  ["Ctrl-J", "\n", { type: "newline" }],
  ["Alt-Enter", "\u001b\r", { type: "newline" }],
  ["Shift-Enter of kitty", "\u001b[13;2u", { type: "newline" }],
  ["Ctrl-A", "\u0001", { type: "move", to: "line-start" }],
  ["Ctrl-C", "\u0003", { type: "cancel" }],
  ["Ctrl-C of kitty", "\u001b[99;5u", { type: "cancel" }],
  ["Ctrl-C let go", "\u001b[99;5:3u"],
  ["Ctrl-D", "\u0004", { type: "end-of-input" }],
  ["Ctrl-G", "\u0007", { type: "editor" }],
  ["Ctrl-H", "\b", { type: "erase", to: "left" }],
  ["Tab", "\t", { type: "complete" }],
  ["Shift-Tab", "\u001b[Z", { type: "back-tab" }],
  ["Ctrl-K", "\u000b", { type: "kill", to: "line-end" }],
  ["Ctrl-O", "\u000f", { type: "fold" }],
  ["Ctrl-R", "\u0012", { type: "search-history" }],
  ["Ctrl-S", "\u0013", { type: "steer" }],
  ["Ctrl-W", "\u0017", { type: "kill", to: "spaced-word-left" }],
  ["Ctrl-Z", "\u001a", { type: "suspend" }],
  ["Ctrl-]", "\u001d", { type: "expand-paste" }],
  ["Ctrl-_", "\u001f", { type: "undo" }],
  ["Ctrl-_ of kitty", "\u001b[45;6u", { type: "undo" }],
  ["Ctrl-Space", "\u0000"],
  ["Backspace", "\u007f", { type: "erase", to: "left" }],
  ["Alt-Backspace", "\u001b\u007f", { type: "kill", to: "word-left" }],
  ["Ctrl-Backspace of kitty", "\u001b[127;5u", { type: "kill", to: "word-left" }],
  ["Delete", "\u001b[3~", { type: "erase", to: "right" }],
  ["Ctrl-Delete", "\u001b[3;5~", { type: "kill", to: "word-right" }],
  ["Left", "\u001b[D", { type: "move", to: "left" }],
  ["Ctrl-Right", "\u001b[1;5C", { type: "move", to: "word-right" }],
  ["Alt-Left", "\u001b[1;3D", { type: "move", to: "word-left" }],
  ["Up", "\u001bOA", { type: "up" }],
  ["Down", "\u001b[B", { type: "down" }],
  ["Home", "\u001b[H", { type: "move", to: "line-start" }],
  ["End", "\u001b[4~", { type: "move", to: "line-end" }],
  ["Ctrl-End", "\u001b[1;5F", { type: "move", to: "text-end" }],
  ["Page Up", "\u001b[5~", { type: "page-up" }],
  ["Alt-B", "\u001bb", { type: "move", to: "word-left" }],
  ["Alt-D", "\u001bd", { type: "kill", to: "word-right" }],
  ["Alt-Y", "\u001by", { type: "yank-older" }],
  ["Alt-<", "\u001b<", { type: "move", to: "text-start" }],
  ["Alt-_", "\u001b_", { type: "redo" }],
  ["Alt-E", "\u001be", { type: "expand-paste" }],
  ["Esc of kitty", "\u001b[27u", { type: "interrupt" }],
  ["F5", "\u001b[15~"],
  ["the terminal got the focus", "\u001b[I"],
  ["A", "A", { type: "insert", text: "A" }],
  ["a space", " ", { type: "insert", text: " " }],
  ["what an input method wrote", "你好", { type: "insert", text: "你好" }],
  [
    "backspace held down behind a letter",
    "a\u007f\u007f",
    { type: "insert", text: "a" },
    { type: "erase", to: "left" },
    { type: "erase", to: "left" },
  ],
  [
    "a fast hand",
    "hi\u001b[D!\r",
    { type: "insert", text: "hi" },
    { type: "move", to: "left" },
    { type: "insert", text: "!" },
    { type: "submit" },
  ],
];

describe("through Ink", () => {
  let unmount: () => void;
  beforeAll(async () => {
    const app = render(createElement(Keys), {
      stdin: stdin as unknown as NodeJS.ReadStream,
      stdout: stdout as unknown as NodeJS.WriteStream,
      exitOnCtrlC: false,
      patchConsole: false,
    });
    ({ unmount } = app);
    await app.waitUntilRenderFlush();
  });
  afterAll(() => unmount());

  for (const [name, bytes, ...actions] of expected) {
    test(`${name} arrives as what it means`, async () => {
      expect(await sent(bytes)).toEqual(actions);
    });
  }

  test("Esc alone arrives, after Ink has waited for more", async () => {
    const { promise, resolve } = Promise.withResolvers<readonly KeyAction[]>();
    receive = resolve;
    stdin.write("\u001b");
    expect(await promise).toEqual([{ type: "interrupt" }]);
  });
});
