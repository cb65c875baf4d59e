import * as fc from "../../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { attachedPaths } from "../../../../src/ui/composer/attachments.ts";
import { applyCompletion, completionAt } from "../../../../src/ui/composer/completion.ts";
import { undo } from "../../../../src/ui/composer/composer-state.ts";
import { mentionsIn, writeMention } from "../../../../src/ui/composer/mentions.ts";
import { rank } from "../../../../src/ui/composer/rank.ts";
import { anyComposer, composerAt, marked, perform } from "./arbitraries.ts";

const at = (text: string) => completionAt(composerAt(text));

function complete(text: string, value: string): string {
  const composer = composerAt(text);
  const completion = completionAt(composer);
  if (completion === undefined) return "nothing to complete";
  const completed = applyCompletion(composer, completion, value);
  expect(undo(completed).text).toBe(composer.text);
  return marked(completed);
}

describe("what is completed", () => {
  test("is a command only in the first word of a text that begins with a slash", () => {
    expect(at("/|")).toEqual({ kind: "command", query: "", from: 0, to: 1 });
    expect(at("/he|lp")).toEqual({ kind: "command", query: "he", from: 0, to: 5 });
    expect(at(" /he|")).toBeUndefined();
    expect(at("a\n/he|")).toBeUndefined();
    expect(at("|/help")).toBeUndefined();
    expect(at("/usr/bi|")).toBeUndefined();
  });

  test("is a command's argument behind it", () => {
    const argument = { kind: "argument", command: "model" };
    expect(at("/model |")).toEqual({ ...argument, query: "", from: 7, to: 7 });
    expect(at("/model  kimi k|2")).toEqual({ ...argument, query: "kimi k", from: 8, to: 14 });
    expect(at("/model a\nb|")).toBeUndefined();
  });

  test("is a path behind an at sign that begins a word", () => {
    expect(at("@|")).toEqual({ kind: "path", query: "", from: 0, to: 1 });
    expect(at("see @src/ma|in")).toEqual({ kind: "path", query: "src/ma", from: 4, to: 11 });
    expect(at('see @"my fi|')).toEqual({ kind: "path", query: "my fi", from: 4, to: 11 });
    expect(at("请看@src|")).toEqual({ kind: "path", query: "src", from: 2, to: 6 });
    expect(at("/read @a|")).toEqual({ kind: "path", query: "a", from: 6, to: 8 });
    expect(at("@a/@types/n|")).toMatchObject({ query: "a/@types/n", from: 0 });
  });

  test("is nothing in an address, behind a space or a closed quote", () => {
    for (const text of [
      "me@example.c|",
      "@a b|",
      '@"a b" c|',
      "hello|",
      "|",
      "@@a|",
      '@a"|',
      "a\n|",
    ]) {
      expect(at(text)).toBeUndefined();
    }
  });

  test("is within the text, in any text", () => {
    fc.assert(
      fc.property(anyComposer, (composer) => {
        const completion = completionAt(composer);
        if (completion === undefined) return;
        expect(completion.from).toBeLessThanOrEqual(composer.cursor);
        expect(completion.to).toBeGreaterThanOrEqual(composer.cursor);
        expect(completion.to).toBeLessThanOrEqual(composer.text.length);
      }),
    );
  });
});

describe("a choice", () => {
  test("replaces what was typed, and a file or command gets one space behind it", () => {
    expect(complete("/he|lp", "help")).toBe("/help |");
    expect(complete("/he| x", "help")).toBe("/help |x");
    expect(complete("/model k|", "kimi-k2")).toBe("/model kimi-k2|");
    expect(complete("see @ma|", "src/main.ts")).toBe("see @src/main.ts |");
    expect(complete("see @ma| now", "src/main.ts")).toBe("see @src/main.ts |now");
  });

  test("that is a folder stays open for more", () => {
    expect(complete("@s|", "src/")).toBe("@src/|");
    expect(complete("@m|", "my files/")).toBe('@"my files/|');
    expect(complete('@"my files/|', "my files/a b.txt")).toBe('@"my files/a b.txt" |');
  });

  test("gets quotes where it has spaces, and no second closing quote", () => {
    expect(complete("@m|", "my file.txt")).toBe('@"my file.txt" |');
    expect(complete('@"my fi|" x', "my file.txt")).toBe('@"my file.txt" |x');
  });

  test("is read again as the path it was, in any path", () => {
    const path = fc
      .array(fc.constantFrom("a", "/", " ", "@", ".", "-", "日本", "é", "👍🏽", "'", "(", "。"), {
        minLength: 1,
      })
      .map((parts) => parts.join(""))
      .filter((text) => !text.endsWith("/"));
    fc.assert(
      fc.property(path, (text) => {
        expect(mentionsIn(writeMention(text))).toEqual([text]);
      }),
    );
  });
});

describe("ranking", () => {
  test("puts prefixes before words, words before the inside, that before scattered letters", () => {
    const candidates = [
      "xmaxixn",
      "remain.ts",
      "src/main.ts",
      "mainly",
      "main",
      "other",
      "theMain",
    ];
    expect(rank(candidates, "main")).toEqual([
      "main",
      "mainly",
      "theMain",
      "src/main.ts",
      "remain.ts",
      "xmaxixn",
    ]);
  });

  test("keeps the order of equally good ones and ignores case", () => {
    expect(rank(["bc", "Ba", "BA", "bb"], "B")).toEqual(["bc", "Ba", "BA", "bb"]);
    expect(rank(["a", "b"], "")).toEqual(["a", "b"]);
  });

  test("finds names in any normal form and candidates that are no texts", () => {
    expect(rank(["cafe\u0301.md"], "café")).toEqual(["cafe\u0301.md"]);
    const commands = [{ name: "model" }, { name: "help" }];
    expect(rank(commands, "he", (command) => command.name)).toEqual([{ name: "help" }]);
  });
});

describe("attached paths", () => {
  const files = new Set(["a.ts", "src/b.ts", "my file.txt", "日本.md", "v1.0"]);
  const attached = (text: string) => attachedPaths(text, (path) => files.has(path));

  test("are the mentions that are files, each once, in order", () => {
    expect(attached('see @src/b.ts and @a.ts, @"my file.txt" and @a.ts')).toEqual([
      "src/b.ts",
      "a.ts",
      "my file.txt",
    ]);
  });

  test("are found where a sentence goes on behind them", () => {
    expect(attached("is it (@a.ts)? or @src/b.ts.")).toEqual(["a.ts", "src/b.ts"]);
    expect(attached("请看@a.ts。谢谢")).toEqual(["a.ts"]);
    expect(attached("请看@a.ts吧，还有@日本.md，谢谢")).toEqual(["a.ts", "日本.md"]);
    expect(attached("@v1.0.")).toEqual(["v1.0"]);
  });

  test("are not addresses, decorators or what pastes mention", () => {
    expect(attached("me@a.ts @Component @ @. @@a.ts")).toEqual([]);
    const composer = perform([
      { type: "insert", text: "@a.ts" },
      { type: "paste", text: " @src/b.ts\n".repeat(20) },
    ]);
    expect(attached(composer.text)).toEqual(["a.ts"]);
  });
});
