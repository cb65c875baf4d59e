import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readGguf } from "../../../../src/checkpoint/gguf-read.ts";
import type { EngineEvent, Sampling } from "../../../../src/engine/engine.ts";
import { openEngine } from "../../../../src/engine/open-engine.ts";
import { refuseBrokenOnAmx } from "../../../../src/engine/local/amx-guard.ts";
import { openModelFile } from "../../../../src/engine/local/model-file.ts";
import { chooseThreads } from "../../../../src/engine/local/threads.ts";
import { userText, type Message } from "../../../../src/message.ts";
import { cacheFolder, openNano, request } from "../../../support/engines.ts";
import { collect, isAllWords, said } from "../../../support/events.ts";
import { nanoModel } from "../../../support/golden.ts";
import { splitGguf } from "../../../support/split-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "kimi-models-"));

const usageOf = (events: readonly EngineEvent[]) => {
  const finish = events.at(-1);
  if (finish?.type !== "finish") throw new Error("no finish");
  return finish.usage;
};

const hello = (sampling: Sampling) =>
  request({ messages: [userText("Tell me something.")], tools: [], sampling });

test("threads never exceed the cores, and a tiny model gets one", () => {
  expect(chooseThreads(8_000_000)).toBe(1);
  const threads = chooseThreads(500_000_000_000);
  expect(threads).toBeGreaterThanOrEqual(1);
  expect(threads).toBeLessThanOrEqual(availableParallelism());
  expect(chooseThreads(8_000_000, 1_000)).toBe(availableParallelism());
});

test("the file's own temperature is the default: nano is greedy", async () => {
  const engine = await openNano();
  const first = said(await collect(engine.generate(hello({}))));
  const second = said(await collect(engine.generate(hello({ temperature: 0 }))));
  expect(first.text).toBe(second.text);
});

test("the same seed gives the same answer, another seed another", async () => {
  const engine = await openNano();
  const hot = async (seed: number): Promise<string> =>
    said(await collect(engine.generate(hello({ temperature: 3, seed, maxTokens: 30 })))).text;
  const first = await hot(7);
  expect(await hot(7)).toBe(first);
  expect(await hot(8)).not.toBe(first);
});

test("top-k 1 is greedy at any temperature", async () => {
  const engine = await openNano();
  const greedy = said(await collect(engine.generate(hello({ temperature: 0 })))).text;
  expect(
    said(await collect(engine.generate(hello({ temperature: 3, topK: 1, seed: 1 })))).text,
  ).toBe(greedy);
});

test("a follow-up turn evaluates only new tokens", async () => {
  const engine = await openNano();
  const first = request();
  const events = await collect(engine.generate(first));
  const call: Message = { role: "assistant", content: [...said(events).calls] };
  const result: Message = {
    role: "tool",
    callId: "functions.get_weather:0",
    toolName: "get_weather",
    output: '{"error": "unknown city"}',
    isError: true,
  };
  const { inputTokens, outputTokens } = usageOf(events);
  const second = usageOf(
    await collect(engine.generate(request({ messages: [...first.messages, call, result] }))),
  );
  const evaluated = second.inputTokens - (second.cachedTokens ?? 0);
  const fresh = second.inputTokens - (inputTokens + outputTokens);
  expect(evaluated).toBeLessThanOrEqual(fresh + 1); // the stop token was sampled and not evaluated
});

test("the model's own way to cut its words is kept, so that its reply is found in the cache", async () => {
  const engine = await openNano();
  const question = userText("Say anything.");
  let replies = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const sampling = { temperature: 4, topK: 5, seed, maxTokens: 40 };
    const asked = request({ messages: [question], tools: [], sampling });
    const events = await collect(engine.generate(asked));
    if (!isAllWords(events)) continue;
    replies++;
    const reply: Message = {
      role: "assistant",
      content: [{ type: "text", text: said(events).text }],
    };
    const { inputTokens, outputTokens } = usageOf(events);
    const messages = [question, reply, userText("Hm.")];
    const more = usageOf(await collect(engine.generate(request({ messages, tools: [] }))));
    expect(more.cachedTokens).toBeGreaterThanOrEqual(inputTokens + outputTokens - 1);
  }
  expect(replies).toBeGreaterThan(2);
});

test("an interrupted reply is found in the cache, too", async () => {
  const engine = await openNano();
  const question = userText("Say anything.");
  for (const seed of [1, 3, 5]) {
    const sampling = { temperature: 4, topK: 5, seed };
    const asked = request({ messages: [question], tools: [], sampling });
    const short = { ...asked, sampling: { ...sampling, maxTokens: 1 } };
    const { inputTokens } = usageOf(await collect(engine.generate(short)));
    const controller = new AbortController();
    let text = "";
    let deltas = 0;
    const interrupted = (async () => {
      for await (const event of engine.generate({ ...asked, signal: controller.signal })) {
        if (event.type !== "text-delta") continue;
        text += event.text;
        if (++deltas === 9) controller.abort(new Error("enough"));
      }
    })();
    await expect(interrupted).rejects.toThrow("enough");
    const reply: Message = { role: "assistant", content: [{ type: "text", text }] };
    const messages = [question, reply, userText("Hm.")];
    const more = usageOf(await collect(engine.generate(request({ messages, tools: [] }))));
    expect(more.cachedTokens).toBeGreaterThanOrEqual(inputTokens + deltas - 1);
  }
});

test("a prompt longer than the context is a clear error, and the engine lives on", async () => {
  const engine = await openEngine(
    { type: "local", path: nanoModel, placement: { contextSize: 256 }, cacheFolder },
    new AbortController().signal,
  );
  onTestFinished(() => engine.close());
  const long = request({ messages: [userText("word ".repeat(500))], tools: [] });
  await expect(collect(engine.generate(long))).rejects.toMatchObject({
    code: "context-full",
    message: expect.stringMatching(/has \d+ tokens, the context 256/) as string,
  });
  expect(said(await collect(engine.generate(hello({})))).text).not.toBe("");
});

test("a reply that fills the context ends by length", async () => {
  const engine = await openEngine(
    { type: "local", path: nanoModel, placement: { contextSize: 256 }, cacheFolder },
    new AbortController().signal,
  );
  onTestFinished(() => engine.close());
  const events = await collect(
    engine.generate(request({ messages: [userText("x ".repeat(100))], tools: [], sampling: {} })),
  );
  const { inputTokens, outputTokens } = usageOf(events);
  expect(events.at(-1)).toMatchObject({ reason: "length" });
  expect(inputTokens + outputTokens).toBe(256);
});

test("a long prompt reports its prefill and can be interrupted in it", async () => {
  const engine = await openNano();
  const long = request({
    messages: [userText("word ".repeat(2_000))],
    tools: [],
    sampling: { maxTokens: 1 },
  });
  const controller = new AbortController();
  const reason = new Error("stop");
  const run = async (): Promise<void> => {
    for await (const event of engine.generate({ ...long, signal: controller.signal })) {
      if (event.type === "progress" && event.phase === "prefill" && event.done > 0)
        controller.abort(reason);
    }
  };
  await expect(run()).rejects.toBe(reason);
  const events = await collect(engine.generate(long));
  const prefills = events.filter((event) => event.type === "progress" && event.phase === "prefill");
  expect(prefills.length).toBeGreaterThan(2);
  expect(usageOf(events).cachedTokens).toBeGreaterThan(0); // what was evaluated before the interruption
});

test("a split model runs, whichever of its shards is named", async () => {
  const paths = splitGguf(nanoModel, join(folder, "split"), 3);
  expect(openModelFile(paths[2] ?? "").path).toBe(paths[0]);
  const whole = await openNano();
  const { text } = said(await collect(whole.generate(hello({}))));
  const split = await openEngine(
    { type: "local", path: paths[1] ?? "", cacheFolder },
    new AbortController().signal,
  );
  onTestFinished(() => split.close());
  expect(said(await collect(split.generate(hello({})))).text).toBe(text);
});

test("a shard that is missing is named", () => {
  const [first = "", second = ""] = splitGguf(nanoModel, join(folder, "incomplete"), 2);
  rmSync(second);
  expect(() => openModelFile(first)).toThrow(second);
});

test("a file that names no temperature gets K2's 0.6, and is not greedy", async () => {
  const path = join(folder, "no-temperature.gguf");
  const bytes = Buffer.from(readFileSync(nanoModel));
  bytes.write("general.sampling.t___", bytes.indexOf("general.sampling.temp"));
  writeFileSync(path, bytes);
  const engine = await openEngine(
    { type: "local", path, cacheFolder },
    new AbortController().signal,
  );
  onTestFinished(() => engine.close());
  // A result that nano was not trained on leaves it undecided.
  const messages: Message[] = [
    userText("zork?"),
    { role: "assistant", content: [{ type: "tool-call", id: "x", name: "zork", arguments: "{}" }] },
    {
      role: "tool",
      callId: "x",
      toolName: "zork",
      output: '{"blorp": 7, "zz": "x"}',
      isError: false,
    },
  ];
  const answer = async (sampling: Sampling): Promise<string> =>
    said(await collect(engine.generate(request({ messages, tools: [], sampling })))).text;
  await answer({ seed: 1 }); // from here on the prompt is in the cache, and is computed alike
  for (const seed of [1, 2, 3])
    expect(await answer({ seed })).toBe(await answer({ seed, temperature: 0.6 }));
  const answers = new Set<string>();
  for (let seed = 0; seed < 12; seed++) answers.add(await answer({ seed }));
  expect(answers.size).toBeGreaterThan(1);
});

test("on a CPU with AMX a quantised MLA model is refused with the remedy, and a safe one is not", () => {
  const safe = openModelFile(nanoModel); // attn_k_b and attn_v_b are BF16
  const amx = "fpu avx512f amx_bf16 amx_tile amx_int8";
  expect(() => refuseBrokenOnAmx(safe, amx)).not.toThrow();
  const unsafe = {
    ...safe,
    tensors: safe.tensors.map((tensor) =>
      tensor.name.endsWith("attn_v_b.weight") ? { ...tensor, type: "Q8_0" } : tensor,
    ),
  };
  expect(() => refuseBrokenOnAmx(unsafe, "fpu avx512f")).not.toThrow();
  expect(() => refuseBrokenOnAmx(unsafe, amx)).toThrow(/blk.0.attn_v_b.weight \(Q8_0\)/);
  expect(() => refuseBrokenOnAmx(unsafe, amx)).toThrow(
    expect.objectContaining({
      code: "amx",
      hint: expect.stringContaining("BF16") as string,
    }) as Error,
  );
});

/** A copy of the embedded model with one 32-bit value of its metadata changed. */
function patched(name: string, key: string, value: number): string {
  const bytes = Buffer.from(readFileSync(nanoModel));
  const at = bytes.indexOf(key) + key.length + 4; // past the key and the type of its value
  bytes.writeUInt32LE(value, at);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  expect(readGguf(path).metadata.get(key)).toBe(value);
  return path;
}

test("a file that llama.cpp refuses, or dies of, ends in a message", async () => {
  for (const [key, value] of [
    ["deepseek2.block_count", 7],
    ["deepseek2.attention.head_count", 0],
    ["deepseek2.expert_used_count", 200],
  ] as const) {
    const path = patched(`${key}.gguf`, key, value);
    const engine = await openEngine(
      { type: "local", path, cacheFolder },
      new AbortController().signal,
    );
    onTestFinished(() => engine.close());
    const error = await collect(engine.generate(hello({}))).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code: "model-load",
      message: expect.stringContaining(path) as string,
    });
  }
});
