import { describe, expect, test } from "vitest";
import {
  createComposer,
  expanded,
  undo,
  type Composer,
} from "../../../../src/ui/composer/composer-state.ts";
import { applyEdit } from "../../../../src/ui/composer/edit-actions.ts";
import {
  acceptSearch,
  narrowSearch,
  newerMatch,
  olderMatch,
  searchMatch,
  startSearch,
} from "../../../../src/ui/composer/history-search.ts";
import {
  addEntry,
  createHistory,
  nextEntry,
  previousEntry,
  type History,
} from "../../../../src/ui/composer/history.ts";

const insert = (composer: Composer, text: string) => applyEdit(composer, { type: "insert", text });

/** Walks and says what is shown after each step. */
function walk(history: History, composer: Composer, steps: string): string[] {
  let at = { history, composer };
  return Array.from(steps, (step) => {
    const go = step === "<" ? previousEntry : nextEntry;
    at = go(at.history, at.composer) ?? at;
    return expanded(at.composer);
  });
}

describe("history", () => {
  const history = createHistory(["one", "two", "three"]);

  test("is walked from the newest entry and back to the draft", () => {
    const shown = walk(history, createComposer("draft"), "<<<<>>>>");
    expect(shown).toEqual(["three", "two", "one", "one", "two", "three", "draft", "draft"]);
  });

  test("ends before the oldest entry and behind the draft", () => {
    expect(previousEntry(createHistory(), createComposer())).toBeUndefined();
    expect(nextEntry(history, createComposer())).toBeUndefined();
  });

  test("keeps the draft with its pastes and its undo", () => {
    const long = "x".repeat(2000);
    const draft = applyEdit(insert(createComposer(), "see "), { type: "paste", text: long });
    const back = previousEntry(history, draft);
    const again = back && nextEntry(back.history, back.composer);
    expect(again && expanded(again.composer)).toBe(`see ${long}`);
    expect(again && expanded(undo(again.composer))).toBe("see ");
  });

  test("keeps what was changed in an entry until something is sent", () => {
    const first = previousEntry(history, createComposer());
    const changed = insert(first?.composer ?? createComposer(), "!");
    expect(walk(first?.history ?? history, changed, "<>")).toEqual(["two", "three!"]);
    expect(walk(addEntry(first?.history ?? history, "sent"), createComposer(), "<<")).toEqual([
      "sent",
      "three",
    ]);
  });

  test("an entry can't be undone into the draft", () => {
    const recalled = previousEntry(history, createComposer("draft"));
    expect(recalled && undo(recalled.composer).text).toBe("three");
  });

  test("takes no blank entry and none that is the last one again", () => {
    expect(addEntry(history, " \n").entries).toHaveLength(3);
    expect(addEntry(history, "three").entries).toHaveLength(3);
    expect(addEntry(history, "one").entries).toEqual(["one", "two", "three", "one"]);
  });
});

describe("searching history", () => {
  const history = createHistory(["git status", "Git log", "ls", "git log", "git log", "你好世界"]);
  const search = (query: string) => narrowSearch(history, startSearch(), query);
  const found = (at: ReturnType<typeof search>) => searchMatch(history, at)?.text;

  test("finds the newest match and says where it is", () => {
    expect(searchMatch(history, search("log"))).toEqual({ text: "git log", from: 4, to: 7 });
    expect(found(search("世界"))).toBe("你好世界");
    expect(found(search("nothing"))).toBeUndefined();
  });

  test("goes to older and newer matches, and not to the same text twice", () => {
    const older = olderMatch(history, search("git"));
    expect(found(older)).toBe("Git log");
    expect(found(olderMatch(history, older))).toBe("git status");
    expect(olderMatch(history, olderMatch(history, older))).toEqual(olderMatch(history, older));
    expect(found(newerMatch(history, older))).toBe("git log");
  });

  test("ignores case unless the query has an upper-case letter", () => {
    expect(found(search("Git"))).toBe("Git log");
    expect(found(narrowSearch(history, startSearch(), "LS"))).toBeUndefined();
  });

  test("goes on from the match when the query grows, and anew when it shrinks", () => {
    const older = olderMatch(history, search("git"));
    expect(found(narrowSearch(history, older, "git l"))).toBe("Git log");
    expect(found(narrowSearch(history, older, "gi"))).toBe("git log");
    expect(found(narrowSearch(history, older, ""))).toBeUndefined();
  });

  test("takes the query literally", () => {
    expect(found(search("."))).toBeUndefined();
    expect(found(narrowSearch(createHistory(["a (b) [c] $d"]), startSearch(), "(b) [c] $"))).toBe(
      undefined,
    );
    const other = createHistory(["a (b) [c] $d"]);
    const literal = narrowSearch(other, startSearch(), "(b) [c] $");
    expect(searchMatch(other, literal)).toMatchObject({ from: 2, to: 11 });
  });

  test("shows the accepted match and keeps the draft", () => {
    const accepted = acceptSearch(history, search("git"), createComposer("draft"));
    expect(accepted.composer.text).toBe("git log");
    expect(walk(accepted.history, accepted.composer, "<>>>")).toEqual([
      "git log",
      "git log",
      "你好世界",
      "draft",
    ]);
    expect(acceptSearch(history, search("nothing"), createComposer("draft")).composer.text).toBe(
      "draft",
    );
  });
});
