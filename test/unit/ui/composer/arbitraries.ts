/** Texts and actions for property tests: of many scripts, and of what joins and controls. */
import * as fc from "../../../support/fast-check.ts";
import { createComposer, type Composer } from "../../../../src/ui/composer/composer-state.ts";
import { applyEdit, type EditAction } from "../../../../src/ui/composer/edit-actions.ts";

const pieces = [
  "a",
  "B",
  "hello",
  " ",
  "  ",
  "\n",
  "\t",
  "-",
  "\\",
  "你好",
  "世界。",
  "日本語",
  "カタカナ",
  "ｶﾞ",
  "한국어",
  "\u1112\u1161\u11ab",
  "\u1100\u1100",
  "é",
  "e\u0301",
  "\u0301",
  "\u200d",
  "\ufe0f",
  "👨‍👩‍👧‍👦",
  "👍🏽",
  "🇨🇳",
  "🇫",
  "😀",
  "नमस्ते",
  "สวัสดี",
  "مرحبا",
  "\u0600",
  "\u001b[31m",
  "\u0007",
  "\u009b",
  "\u202e",
  "\u200b",
  "\u2028",
  "\ufdfd",
  "𠮷",
  "\ud83d",
  "\udc00",
];

export const anyText = fc
  .array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...pieces) }, fc.string()), {
    maxLength: 12,
    size: "max",
  })
  .map((texts) => texts.join(""));

/** Also large ones, with all line breaks, and such as look like placeholders. */
export const anyPaste = fc.oneof(
  anyText,
  fc.constantFrom("\r\n", "a\rb\r\nc", "x".repeat(1001), "汉".repeat(1001), "\n".repeat(11)),
  fc.constantFrom("\u{108000}", "a\u{10ffff}b", "\udbe0", "🇨🇳\u{108001}".repeat(400)),
);

const motion = fc.constantFrom(
  "left",
  "right",
  "word-left",
  "word-right",
  "spaced-word-left",
  "line-start",
  "line-end",
  "text-start",
  "text-end",
);

const insert = fc.record({
  type: fc.constant("insert"),
  text: fc.oneof(anyText, fc.constantFrom(...pieces)),
});
const paste = fc.record({ type: fc.constant("paste"), text: anyPaste });
const otherEdit = fc.constantFrom(
  "newline",
  "continue-line",
  "yank",
  "yank-older",
  "transpose",
  "undo",
  "redo",
  "expand-paste",
);

/** More is put in than taken out, so that texts grow. */
const anyAction: fc.Arbitrary<EditAction> = fc.oneof(
  { weight: 12, arbitrary: insert },
  { weight: 3, arbitrary: paste },
  { weight: 10, arbitrary: fc.record({ type: fc.constant("move"), to: motion }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("erase", "kill"), to: motion }) },
  { weight: 6, arbitrary: fc.record({ type: otherEdit }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("clear") }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("set-text"), text: anyPaste }) },
) as fc.Arbitrary<EditAction>;

export const anyActions = fc.array(anyAction, { maxLength: 25, size: "max" });

export function perform(actions: readonly EditAction[], from: Composer = createComposer()) {
  return actions.reduce(applyEdit, from);
}

/** A composer in any state that actions lead to. */
export const anyComposer = anyActions.map((actions) => perform(actions));

/** A composer with `|` as its cursor. */
export function composerAt(marked: string): Composer {
  const cursor = marked.indexOf("|");
  const composer = createComposer(marked.slice(0, cursor) + marked.slice(cursor + 1));
  return { ...composer, cursor };
}

/** The composer's text with `|` at the cursor. */
export function marked({ text, cursor }: Composer): string {
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
}
