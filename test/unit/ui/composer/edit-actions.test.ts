import * as fc from "../../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import {
  createComposer,
  expanded,
  freshComposer,
  redo,
  undo,
  type Composer,
} from "../../../../src/ui/composer/composer-state.ts";
import {
  applyEdit,
  endsWithContinuation,
  type EditAction,
  type Motion,
} from "../../../../src/ui/composer/edit-actions.ts";
import { boundaryFrom } from "../../../../src/ui/composer/graphemes.ts";
import { anyActions, anyComposer, anyPaste, composerAt, marked, perform } from "./arbitraries.ts";

const type = (text: string): EditAction[] => Array.from(text, (text) => ({ type: "insert", text }));
const after = (start: string, ...actions: EditAction[]): string =>
  marked(perform(actions, composerAt(start)));
const move = (to: Motion): EditAction => ({ type: "move", to });
const erase = (to: Motion): EditAction => ({ type: "erase", to });
const kill = (to: Motion): EditAction => ({ type: "kill", to });
const yank: EditAction = { type: "yank" };

function undoAll(composer: Composer): { composer: Composer; steps: number } {
  let steps = 0;
  let current = composer;
  for (; current.undo !== undefined; steps++) current = undo(current);
  return { composer: current, steps };
}

describe("the cursor", () => {
  test("moves over what a person sees as one character", () => {
    for (const character of ["é", "e\u0301", "👨‍👩‍👧‍👦", "🇨🇳", "👍🏽", "한", "\u1112\u1161\u11ab", "𠮷"]) {
      expect(after(`a${character}|b`, move("left"))).toBe(`a|${character}b`);
      expect(after(`a|${character}b`, move("right"))).toBe(`a${character}|b`);
      expect(after(`a${character}|b`, erase("left"))).toBe("a|b");
      expect(after(`a|${character}b`, erase("right"))).toBe("a|b");
    }
  });

  test("keeps flags in pairs", () => {
    expect(after("🇨🇳🇫🇷|", move("left"), move("left"))).toBe("|🇨🇳🇫🇷");
  });

  test("moves by words, also where words have no spaces", () => {
    expect(after("|hello, world", move("word-right"))).toBe("hello|, world");
    expect(after("hello|, world", move("word-right"))).toBe("hello, world|");
    expect(after("hello, world|  ", move("word-left"))).toBe("hello, |world  ");
    expect(after("|你好世界", move("word-right"))).toBe("你好|世界");
    expect(after("你好世界|", move("word-left"))).toBe("你好|世界");
    expect(after("one\n\n|two", move("word-left"))).toBe("|one\n\ntwo");
    expect(after("one|\n\n two", move("word-right"))).toBe("one\n\n two|");
  });

  test("moves by words through long stretches without any", () => {
    const dots = ".".repeat(5000);
    expect(after(`a|${dots}b`, move("word-right"))).toBe(`a${dots}b|`);
    expect(after(`a${dots}|b`, move("word-left"))).toBe(`|a${dots}b`);
    const long = "x".repeat(3000);
    expect(after(`a |${long} b`, move("word-right"))).toBe(`a ${long}| b`);
    expect(after(`a ${long}| b`, move("word-left"))).toBe(`a |${long} b`);
  });

  test("goes to the start and the end of the line and of the text", () => {
    expect(after("a\nbc|d\ne", move("line-start"))).toBe("a\n|bcd\ne");
    expect(after("a\nb|cd\ne", move("line-end"))).toBe("a\nbcd|\ne");
    expect(after("a\nb|cd\ne", move("text-start"))).toBe("|a\nbcd\ne");
    expect(after("a\nb|cd\ne", move("text-end"))).toBe("a\nbcd\ne|");
  });

  test("is at a grapheme boundary within the text after any actions", () => {
    fc.assert(
      fc.property(anyActions, (actions) => {
        let composer = createComposer();
        for (const action of actions) {
          composer = applyEdit(composer, action);
          expect(boundaryFrom(composer.text, composer.cursor)).toBe(composer.cursor);
          expect(composer.cursor).toBeLessThanOrEqual(composer.text.length);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("goes behind a mark that the typed letter takes in", () => {
    expect(marked(perform(type("e"), composerAt("|\u0301x")))).toBe("e\u0301|x");
  });
});

describe("cutting", () => {
  test("takes to the end of the line, and at the end the line break", () => {
    expect(after("a|bc\nd", kill("line-end"))).toBe("a|\nd");
    expect(after("a|\nd", kill("line-end"))).toBe("a|d");
  });

  test("takes to the start of the line, and at the start the line break", () => {
    expect(after("a\nbc|d", kill("line-start"))).toBe("a\n|d");
    expect(after("a\n|d", kill("line-start"))).toBe("a|d");
  });

  test("takes a word as white space has it, or as a dictionary has it", () => {
    expect(after("git log --one-line |x", kill("spaced-word-left"))).toBe("git log |x");
    expect(after("--one-line| x", kill("word-left"))).toBe("--one-| x");
    expect(after("a |你好世界", kill("word-right"))).toBe("a |世界");
  });

  test("several times in a row is yanked as one", () => {
    expect(after("one two three|", kill("word-left"), kill("word-left"), yank, yank)).toBe(
      "one two threetwo three|",
    );
    expect(after("|one two", kill("word-right"), kill("word-right"), move("text-end"), yank)).toBe(
      "one two|",
    );
  });

  test("apart keeps both, and Alt-Y goes through them", () => {
    const cut = [kill("word-left"), move("text-start"), kill("word-right"), yank];
    expect(after("one two|", ...cut)).toBe("one| ");
    expect(after("one two|", ...cut, { type: "yank-older" })).toBe("two| ");
    expect(after("one two|", ...cut, { type: "yank-older" }, { type: "yank-older" })).toBe("one| ");
    expect(after("one two|", ...cut, move("left"), { type: "yank-older" })).toBe("on|e ");
  });

  test("and yanking give the text back", () => {
    fc.assert(
      fc.property(anyComposer, fc.constantFrom<Motion>("line-end", "word-left"), (before, to) => {
        const settled = applyEdit(before, move("left"));
        const cut = applyEdit(settled, kill(to));
        const start = to === "line-end" ? settled.cursor : cut.cursor;
        // What was apart may have joined, and then the place of the cut is inside a grapheme.
        fc.pre(cut.text !== settled.text && cut.cursor === start);
        fc.pre(settled.text.startsWith(cut.killed[0] ?? "", start));
        expect(applyEdit(cut, yank).text).toBe(settled.text);
      }),
    );
  });

  test("outlives sending, with the pastes that were cut", () => {
    const pasted = perform([{ type: "paste", text: "x".repeat(2000) }, kill("line-start")]);
    const next = applyEdit(freshComposer(pasted), { type: "yank" });
    expect(expanded(next)).toBe("x".repeat(2000));
  });
});

describe("transposing", () => {
  test("swaps the characters around the cursor, at the end the two before it", () => {
    expect(after("a|🇨🇳b", { type: "transpose" })).toBe("🇨🇳a|b");
    expect(after("ab|", { type: "transpose" })).toBe("ba|");
    expect(after("x\na|", { type: "transpose" })).toBe("x\na|");
    expect(after("x\n|ab", { type: "transpose" })).toBe("x\n|ab");
  });
});

describe("undo", () => {
  test("takes typing back word by word", () => {
    const typed = perform(type("one two three"));
    expect(marked(undo(typed))).toBe("one two |");
    expect(marked(undo(undo(typed)))).toBe("one |");
    expect(undoAll(typed).steps).toBe(3);
  });

  test("does not lose a long text without spaces at once", () => {
    expect(undoAll(perform(type("我".repeat(50)))).steps).toBe(3);
  });

  test("tells typing apart that a move interrupted", () => {
    const typed = perform([...type("ab"), move("left"), ...type("c")]);
    expect(marked(undo(typed))).toBe("a|b");
  });

  test("takes backspaces back together", () => {
    expect(marked(undo(perform([erase("left"), erase("left")], composerAt("abc|"))))).toBe("abc|");
    expect(marked(undo(perform([erase("right"), erase("right")], composerAt("|abc"))))).toBe(
      "|abc",
    );
  });

  test("takes a paste, a clearing and a set text back at once", () => {
    const pasted = perform([...type("ab"), { type: "paste", text: "one\ntwo three" }]);
    expect(undo(pasted).text).toBe("ab");
    expect(undo(applyEdit(pasted, { type: "clear" })).text).toBe("abone\ntwo three");
    expect(undo(applyEdit(pasted, { type: "set-text", text: "x" })).text).toBe(pasted.text);
  });

  test("of everything gives the first text, and redo the last", () => {
    fc.assert(
      fc.property(fc.constantFrom("", "first 你好"), anyActions, (text, actions) => {
        const last = perform(actions, createComposer(text));
        const { composer: first, steps } = undoAll(last);
        expect(first.text).toBe(text);
        let again = first;
        for (let step = 0; step < steps; step++) again = redo(again);
        expect(again.text).toBe(last.text);
        expect(expanded(again)).toBe(expanded(last));
      }),
    );
  });
});

describe("a paste", () => {
  test("is sent as it was but for its line breaks", () => {
    fc.assert(
      fc.property(anyPaste, (text) => {
        const composer = applyEdit(createComposer(), { type: "paste", text });
        expect(expanded(composer)).toBe(text.replaceAll("\r\n", "\n").replaceAll("\r", "\n"));
      }),
    );
  });

  test("of more than 1,000 characters or 10 lines is one character in the text", () => {
    const length = (text: string): number =>
      applyEdit(createComposer(), { type: "paste", text }).text.length;
    expect(length("😀".repeat(1000))).toBe(2000);
    expect(length("😀".repeat(1001))).toBe(2);
    expect(length("a\n".repeat(10))).toBe(20);
    expect(length("a\n".repeat(11))).toBe(2);
  });

  test("moves, goes and comes back as one character, also before a combining mark", () => {
    const pasted = perform([{ type: "paste", text: "x".repeat(1001) }, ...type("\u0301")]);
    expect(pasted.cursor).toBe(3);
    const before = perform([move("left"), move("left")], pasted);
    expect(before.cursor).toBe(0);
    expect(applyEdit(before, erase("right")).text).toBe("\u0301");
    expect(expanded(undo(applyEdit(before, erase("right"))))).toBe(`${"x".repeat(1001)}\u0301`);
  });

  test("with a placeholder's code point is not mistaken for another paste", () => {
    const first = perform([{ type: "paste", text: "x".repeat(1001) }]);
    for (const action of ["paste", "insert"] as const) {
      const second = applyEdit(first, { type: action, text: first.text });
      expect(expanded(second)).toBe("x".repeat(1001) + first.text);
    }
    const set = applyEdit(first, { type: "set-text", text: `a${first.text}` });
    expect(expanded(set)).toBe(`a${first.text}`);
  });

  test("can be made text, as one undo step", () => {
    const long = "line\n".repeat(20);
    const pasted = perform([...type("a"), { type: "paste", text: long }, ...type("b")]);
    const open = applyEdit(pasted, { type: "expand-paste" });
    expect(marked(open)).toBe(`a${long}|b`);
    expect(expanded(open)).toBe(expanded(pasted));
    expect(undo(open).text).toBe(pasted.text);
  });

  test("that can't be text stays a placeholder", () => {
    const pasted = perform([{ type: "paste", text: "\u{108000}" }]);
    expect(applyEdit(pasted, { type: "expand-paste" }).text).toBe(pasted.text);
  });
});

describe("a backslash before Enter", () => {
  test("becomes a line break, two do not", () => {
    expect(endsWithContinuation(composerAt("a\\|"))).toBe(true);
    expect(endsWithContinuation(composerAt("a\\\\|"))).toBe(false);
    expect(endsWithContinuation(composerAt("\\\\\\|"))).toBe(true);
    expect(endsWithContinuation(composerAt("|"))).toBe(false);
    expect(after("a\\|b", { type: "continue-line" })).toBe("a\n|b");
  });
});
