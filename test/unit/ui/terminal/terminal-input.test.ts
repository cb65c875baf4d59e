import { PassThrough } from "node:stream";
import * as fc from "../../../support/fast-check.ts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TerminalInput } from "../../../../src/ui/terminal/terminal-input.ts";

const paste = (text: string): string => `\u001b[200~${text}\u001b[201~`;
const reply = (text: string, end = "\u0007"): string => `\u001b]${text}${end}`;

interface Terminal {
  readonly input: TerminalInput;
  /** What Ink gets, a piece for each time it is given something. */
  readonly pieces: string[];
  readonly replies: string[];
  readonly type: (text: string) => void;
  readonly end: () => void;
}

/** Data goes straight through: a stream's own scheduling is not what is tested. */
function open(): Terminal {
  const source = Object.assign(new PassThrough(), { ref: () => source, unref: () => source });
  const replies: string[] = [];
  const pieces: string[] = [];
  const input = new TerminalInput({
    source: source as unknown as NodeJS.ReadStream,
    onReply: (text) => replies.push(text),
  });
  const push = input.push.bind(input);
  input.push = (chunk: unknown) => {
    if (typeof chunk === "string") pieces.push(chunk);
    return push(chunk);
  };
  return {
    input,
    pieces,
    replies,
    type: (text) => void source.emit("data", text),
    end: () => void source.emit("end"),
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function readAll(chunks: readonly string[]): { text: string; pieces: string[]; replies: string[] } {
  const { type, pieces, replies } = open();
  for (const chunk of chunks) type(chunk);
  vi.advanceTimersByTime(1_000);
  return { text: pieces.join(""), pieces, replies };
}

const background = "11;rgb:1e1e/1e1e/1e1e";

describe("keys", () => {
  test.each([["a"], ["\u001b"], ["\u001b[A"], ["\u001bOP"], ["\r"], ["你好"], ["\u001b[1;5C"]])(
    "%j goes on at once",
    (key) => {
      const { type, pieces } = open();
      type(key);
      expect(pieces).toEqual([key]);
    },
  );

  test("what may begin a paste or a reply waits, but not for ever", () => {
    for (const start of [
      "\u001b[",
      "\u001b[2",
      "\u001b[20",
      "\u001b[200",
      "\u001b]",
      "\u001b]11;rgb",
    ]) {
      const { type, pieces } = open();
      type(`a${start}`);
      expect(pieces).toEqual(["a"]);
      vi.advanceTimersByTime(1_000);
      expect(pieces).toEqual(["a", start]);
    }
  });

  test("a key cut in two arrives whole or in the same order", () => {
    expect(readAll(["\u001b[", "A"]).text).toBe("\u001b[A");
    expect(readAll(["\u001b[2", "~"]).text).toBe("\u001b[2~");
  });

  test("a reply that never ends is given back, also when typing goes on", () => {
    const long = `\u001b]${"x".repeat(300)}`;
    expect(readAll([long, "abc"]).text).toBe(`${long}abc`);
    expect(readAll(["\u001b]11;", ...Array.from({ length: 300 }, () => "y")]).text).toBe(
      `\u001b]11;${"y".repeat(300)}`,
    );
  });

  test("what waits is not lost when the terminal ends", async () => {
    const { input, type, end, pieces } = open();
    type("a\u001b[");
    end();
    expect(pieces).toEqual(["a", "\u001b["]);
    vi.advanceTimersByTime(1_000); // nothing comes after the end: that would be an error
    expect(input.errored).toBeNull();
  });

  test("nothing is read any more after it is closed", () => {
    const { input, type, pieces } = open();
    type("\u001b[");
    input.close();
    type("abc");
    vi.advanceTimersByTime(1_000);
    expect(pieces).toEqual([]);
  });
});

describe("replies", () => {
  test.each([["\u0007"], ["\u001b\\"]])("ended by %j do not reach Ink", (end) => {
    expect(readAll([`a${reply(background, end)}b`])).toEqual({
      text: "ab",
      pieces: ["a", "b"],
      replies: [background],
    });
  });

  test("in a paste are text", () => {
    const pasted = paste(`x${reply(background)}y`);
    expect(readAll([pasted])).toEqual({ text: pasted, pieces: [pasted], replies: [] });
  });
});

describe("a paste", () => {
  test("of a megabyte takes little time, and arrives in one piece", () => {
    const text = paste("0123456789abcde\n".repeat(65_536));
    const chunks = Array.from({ length: Math.ceil(text.length / 4_096) }, (_, index) =>
      text.slice(index * 4_096, (index + 1) * 4_096),
    );
    const { type, pieces } = open();
    const before = process.cpuUsage();
    for (const chunk of chunks) type(chunk);
    const { user, system } = process.cpuUsage(before);
    expect(pieces).toEqual([text]);
    expect((user + system) / 1_000).toBeLessThan(50);
  });

  test("that begins right after an Escape was read is still one piece", () => {
    const { pieces, text } = readAll(["\u001b", "[200~a", "b\u001b[201~"]);
    expect([text, pieces]).toEqual([paste("ab"), ["\u001b", "[200~ab\u001b[201~"]]);
  });

  test("may hold anything", () => {
    const strange = paste("\u001b[200~\u001b[A\u001b[20\r\n\u0003");
    expect(readAll([strange, "x"]).pieces).toEqual([strange, "x"]);
  });
});

/** What a person and a terminal send, and what of it Ink must get. */
interface Sent {
  readonly bytes: string;
  readonly isReply: boolean;
  readonly isPaste: boolean;
}

const key = fc
  .constantFrom(
    "a",
    "é",
    "界",
    "😀",
    "\r",
    "\u001b[A",
    "\u001b[3~",
    "\u001b[200",
    "\u001bOP",
    "\u001bb",
    " ",
  )
  .map((bytes): Sent => ({ bytes, isReply: false, isPaste: false }));
const somePaste = fc
  .string({
    unit: fc.constantFrom("x", "\n", "\u001b", "[", "2", "0", "1", "]", "\u0007"),
    maxLength: 12,
  })
  .filter((text) => !text.includes("\u001b[201~") && !text.endsWith("\u001b"))
  .map((text): Sent => ({ bytes: paste(text), isReply: false, isPaste: true }));
const someReply = fc
  .tuple(
    fc.constantFrom(background, "10;?", "4;1;rgb:00/00/00"),
    fc.constantFrom("\u0007", "\u001b\\"),
  )
  .map(([text, end]): Sent => ({ bytes: reply(text, end), isReply: true, isPaste: false }));

const anySent = fc.array(fc.oneof({ weight: 3, arbitrary: key }, somePaste, someReply), {
  maxLength: 8,
});

/** `\u001b[200` before a `~` would make a paste of two keys. */
const isClear = (sent: readonly Sent[]): boolean =>
  !sent.some(
    ({ bytes }, index) => bytes === "\u001b[200" && sent[index + 1]?.bytes.startsWith("~"),
  );

function cutAt(text: string, cuts: readonly number[]): string[] {
  const at = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].toSorted((a, b) => a - b);
  return [...at, text.length].map((end, index) => text.slice(at[index - 1] ?? 0, end));
}

test("however the bytes are cut, Ink gets the keys and the pastes, and no reply", () => {
  fc.assert(
    fc.property(anySent, fc.array(fc.nat(500), { maxLength: 12 }), (sent, cuts) => {
      fc.pre(isClear(sent));
      const all = sent.map(({ bytes }) => bytes).join("");
      const chunks = cutAt(all, cuts);
      const { text, replies } = readAll(chunks);
      const wanted = sent.filter(({ isReply }) => !isReply).map(({ bytes }) => bytes);
      // An Escape that ends a chunk is a key before it can be known for the start of a reply.
      expect(withoutEscapes(text, wanted.join(""))).toBe(wanted.join(""));
      expect(replies).toHaveLength(sent.length - wanted.length);
    }),
    { numRuns: 500 },
  );
});

/** Without the Escapes that are in the one text and not in the other. */
function withoutEscapes(text: string, wanted: string): string {
  let at = 0;
  return Array.from(text)
    .filter((character) => {
      const isNext = wanted.startsWith(character, at);
      if (isNext) at += character.length;
      return isNext || character !== "\u001b";
    })
    .join("");
}

test("however the bytes are cut, a paste arrives in one piece", () => {
  fc.assert(
    fc.property(anySent, fc.array(fc.nat(500), { maxLength: 12 }), (sent, cuts) => {
      fc.pre(isClear(sent));
      const { pieces } = readAll(cutAt(sent.map(({ bytes }) => bytes).join(""), cuts));
      const pasted = sent.filter(({ isPaste }) => isPaste).map(({ bytes }) => bytes.slice(1));
      const arrived = pieces.filter((piece) => /\[200~/.test(piece) && piece.endsWith("[201~"));
      expect(arrived.map((piece) => piece.replace(/^\u001b/, ""))).toEqual(pasted);
    }),
    { numRuns: 500 },
  );
});
