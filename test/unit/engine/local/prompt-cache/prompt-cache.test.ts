import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { userText, type Message } from "../../../../../src/message.ts";
import {
  ask,
  askOnce,
  newStateFile,
  openCachedNano,
  question,
  weatherResult,
  type Turn,
} from "../../../../support/cached-nano.ts";
import { request } from "../../../../support/engines.ts";
import { collect, isAllWords, said } from "../../../../support/events.ts";
import { nanoModel } from "../../../../support/golden.ts";

/** A conversation of one turn whose state is kept, and how it goes on without it. */
let kept: { readonly path: string; readonly messages: readonly Message[]; readonly next: Turn };

beforeAll(async () => {
  const path = newStateFile();
  const first = await askOnce({ file: () => path }, [question]);
  const messages = [question, first.reply, weatherResult];
  kept = { path, messages, next: await askOnce({}, messages) };
});

/** A copy of the kept state that may be damaged. */
function copyOfState(): string {
  const path = newStateFile();
  copyFileSync(kept.path, path);
  return path;
}

const goOn = (path: string): Promise<Turn> => askOnce({ file: () => path }, kept.messages);

async function expectIgnored(path: string): Promise<void> {
  const { reply, usage } = await goOn(path);
  expect(reply).toEqual(kept.next.reply);
  expect(usage.cachedTokens).toBe(0);
}

describe("a conversation that is gone on with in another process", () => {
  test("evaluates only its new tokens, and answers the same, over several turns with a call", async () => {
    const path = newStateFile();
    const additions: readonly (readonly Message[])[] = [
      [question],
      [weatherResult],
      [userText("Thank you. And in Paris?")],
      [userText("Who are you?")],
    ];
    const messages: Message[] = [];
    let evaluatedBefore = 0;
    for (const [index, added] of additions.entries()) {
      messages.push(...added);
      const without = await askOnce({}, messages);
      const { reply, usage } = await askOnce({ file: () => path }, messages);
      expect(reply).toEqual(without.reply);
      expect(without.usage.cachedTokens).toBe(0);
      // The last token of a reply was sampled and not evaluated.
      if (index > 0) expect(usage.cachedTokens).toBeGreaterThanOrEqual(evaluatedBefore - 1);
      evaluatedBefore = usage.inputTokens + usage.outputTokens;
      messages.push(reply);
    }
  });

  test("finds a reply as the model cut it, also one that a limit ended", async () => {
    const say = userText(`Say anything. ${"Take your time. ".repeat(10)}`);
    const reasons = new Set<string>();
    for (let seed = 1; seed <= 12; seed++) {
      const path = newStateFile();
      const sampling = { temperature: 4, topK: 5, seed, maxTokens: 12 + 4 * seed };
      const first = await openCachedNano({ file: () => path });
      const asked = request({ messages: [say], tools: [], sampling });
      const events = await collect(first.generate(asked));
      await first.close();
      const finish = events.at(-1);
      if (finish?.type !== "finish") throw new Error("no finish");
      if (!isAllWords(events)) continue;
      reasons.add(finish.reason);
      const { inputTokens, outputTokens } = finish.usage;
      const reply: Message = {
        role: "assistant",
        content: [{ type: "text", text: said(events).text }],
      };
      const second = await openCachedNano({ file: () => path });
      const messages = [say, reply, userText("Hm.")];
      const more = await collect(second.generate(request({ messages, tools: [] })));
      await second.close();
      const last = more.at(-1);
      if (last?.type !== "finish") throw new Error("no finish");
      expect(last.usage.cachedTokens).toBeGreaterThanOrEqual(inputTokens + outputTokens - 1);
    }
    expect(reasons).toContain("length");
  });

  test("is found by a context of another size", async () => {
    const larger = { path: copyOfState(), placement: { contextSize: 4_096 } };
    const found = await askOnce(
      { file: () => larger.path, placement: larger.placement },
      kept.messages,
    );
    expect(found.usage.cachedTokens).toBeGreaterThan(64);
    expect(found.reply).toEqual(kept.next.reply);
  });

  test("computes a prompt that begins otherwise", async () => {
    const path = copyOfState();
    const other: Message[] = [{ role: "system", text: "Be brief." }, ...kept.messages];
    const { reply, usage } = await askOnce({ file: () => path }, other);
    expect(reply).toEqual((await askOnce({}, other)).reply);
    expect(usage.cachedTokens).toBeLessThan(usage.inputTokens / 2 + 64);
  });
});

describe("a state that is not what was written is ignored, and the answer is right", () => {
  test.each([0, 1, 12, 4_000, 0.5, 0.9, -1, -16, -17, -400])(
    "cut at %d (a fraction of it, or bytes from its start or end)",
    async (at) => {
      const path = copyOfState();
      const { size } = statSync(path);
      truncateSync(path, at > 0 && at < 1 ? Math.floor(size * at) : at < 0 ? size + at : at);
      await expectIgnored(path);
    },
  );

  test.each([0, 5, 9, 40, 0.1, 0.5, 0.99, -3, -12, -100])(
    "with a bit turned at %d (likewise)",
    async (at) => {
      const path = copyOfState();
      const bytes = readFileSync(path);
      const place =
        at > 0 && at < 1 ? Math.floor(bytes.length * at) : at < 0 ? bytes.length + at : at;
      bytes.writeUInt8(bytes.readUInt8(place) ^ 0x10, place);
      writeFileSync(path, bytes);
      await expectIgnored(path);
    },
  );

  test("a file of another program, and llama.cpp's own without what we add", async () => {
    const foreign = newStateFile();
    writeFileSync(foreign, "no state at all\n".repeat(1_000));
    await expectIgnored(foreign);
    const bare = newStateFile();
    const bytes = readFileSync(kept.path);
    writeFileSync(bare, bytes.subarray(0, bytes.length - 16));
    await expectIgnored(bare);
  });

  test("a folder in its place", async () => {
    await expectIgnored(dirname(kept.path));
  });

  test("of a model file that has changed since, or of another's", async () => {
    const model = join(mkdtempSync(join(tmpdir(), "kimi-model-")), "nano.gguf");
    copyFileSync(nanoModel, model);
    const path = newStateFile();
    await askOnce({ path: model, file: () => path }, [question]);
    const after = async () =>
      (await askOnce({ path: model, file: () => path }, kept.messages)).usage;
    expect((await after()).cachedTokens).toBeGreaterThan(64);
    await expectIgnored(path);
    await askOnce({ path: model, file: () => path }, [question]);
    utimesSync(model, 1, 1);
    expect((await after()).cachedTokens).toBe(0);
  });

  test("of a KV cache of another type", async () => {
    const path = copyOfState();
    const placement = { kvType: "f32" } as const;
    const { usage } = await askOnce({ file: () => path, placement }, kept.messages);
    expect(usage.cachedTokens).toBe(0);
  });
});

describe("a state is written", () => {
  test("for the user only, with nothing left beside it", async () => {
    const path = newStateFile();
    await askOnce({ file: () => path }, [question]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(path))).toEqual(["work.kv"]);
  });

  test("not for a conversation of a few words", async () => {
    const path = newStateFile();
    const engine = await openCachedNano({ file: () => path });
    await collect(
      engine.generate(
        request({ messages: [userText("Hi")], tools: [], sampling: { maxTokens: 2 } }),
      ),
    );
    await engine.close();
    expect(existsSync(path)).toBe(false);
  });

  test("not if it is larger than it may be, or there is no room", async () => {
    const path = newStateFile();
    await askOnce({ file: () => path, maxBytes: 10_000 }, [question]);
    await askOnce({ file: () => path, makeRoom: () => false }, [question]);
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  test("and where it can't be, nothing else happens", async () => {
    const path = join(dirname(newStateFile()), "no", "such", "folder", "work.kv");
    const { reply } = await askOnce({ file: () => path }, kept.messages);
    expect(reply).toEqual(kept.next.reply);
  });
});

test("an engine that goes on with another conversation saves the one and finds the other", async () => {
  const [one, two] = [newStateFile(), copyOfState()];
  let at = one;
  const engine = await openCachedNano({ file: () => at });
  const first = await ask(engine, [userText(`Who are you? ${"Tell me more. ".repeat(12)}`)]);
  at = two;
  const second = await ask(engine, kept.messages);
  expect(second.reply).toEqual(kept.next.reply);
  expect(second.usage.cachedTokens).toBeGreaterThan(first.usage.inputTokens / 2);
  expect(existsSync(one)).toBe(true);
  await engine.close();
  const longer = await goOn(two);
  expect(longer.usage.cachedTokens).toBe(longer.usage.inputTokens - 1);
});
