/** `node llama-child.ts MODEL CACHE THREADS PROMPT GENERATE REPETITIONS`: prints the engine's speed as JSON. */
import { KimiTokenizer } from "../src/engine/kimi/tokenizer.ts";
import { kimiDialect } from "../src/engine/kimi/kimi-dialect.ts";
import { readVocabulary } from "../src/engine/kimi/vocabulary.ts";
import { LlamaTextModel } from "../src/engine/local/llama-text-model.ts";
import { textEngine } from "../src/engine/text-engine.ts";
import { userText } from "../src/message.ts";
import { randomNumbers } from "../test/support/synthetic-tensors.ts";
import type { Speed } from "./llama.ts";

const [path = "", cacheFolder = "", ...counts] = process.argv.slice(2);
const [threads = 1, promptTokens = 0, generateTokens = 0, repetitions = 0] = counts.map(Number);
const tokenizer = new KimiTokenizer(readVocabulary(path));
const random = randomNumbers(17);
let text = "";
// K2's prompt around a text would make the counts others than llama-bench's, and a stop a reply shorter.
const engine = textEngine(new LlamaTextModel({ path, cacheFolder, threads }), {
  write: (request) => ({
    ...kimiDialect.write(request),
    prompt: [{ type: "text", text }],
    stop: [],
  }),
});

await generate(promptTokens, 1); // llama-bench warms up with as much
const speed: Speed = { prefill: Number.POSITIVE_INFINITY, decode: Number.POSITIVE_INFINITY };
for (let i = 0; i < repetitions; i++) {
  speed.prefill = Math.min(speed.prefill, (await generate(promptTokens, 1)) / promptTokens);
  // The first token comes from evaluating the prompt, so a reply of one more is so many decodes.
  const first = await generate(1, 1);
  const all = await generate(1, generateTokens + 1);
  speed.decode = Math.min(speed.decode, (all - first) / generateTokens);
}
await engine.close();
console.log(JSON.stringify(speed));

/** @returns milliseconds of a greedy reply of so many tokens to a prompt of so many, none of them cached */
async function generate(inputTokens: number, outputTokens: number): Promise<number> {
  text = textOf(inputTokens);
  const started = performance.now();
  const events = engine.generate({
    messages: [userText(text)],
    tools: [],
    sampling: { temperature: 0, maxTokens: outputTokens },
    signal: new AbortController().signal,
  });
  for await (const event of events) {
    if (event.type !== "finish") continue;
    const { inputTokens: read, outputTokens: written, cachedTokens } = event.usage;
    if (read !== inputTokens || written !== outputTokens || cachedTokens !== 0)
      throw new Error(
        `not ${inputTokens} + ${outputTokens} tokens: ${JSON.stringify(event.usage)}`,
      );
  }
  return performance.now() - started;
}

/** A text of exactly so many tokens, another one each time: digits and capitals that no merge joins. */
function textOf(tokens: number): string {
  const letters = Array.from({ length: 4 * tokens + 16 }, () =>
    String.fromCharCode(97 + Math.floor(random() * 26)),
  );
  const ids = tokenizer.encode(letters.join(""));
  for (let end = tokens; end > 0; end--) {
    const cut = tokenizer.decode(ids.slice(0, end));
    if (tokenizer.encode(cut).length === tokens) return cut;
  }
  throw new Error(`no text of ${tokens} tokens`);
}
