import { readFileSync } from "node:fs";
import { join } from "node:path";
import { KimiTokenizer } from "../src/engine/kimi/tokenizer.ts";
import { readVocabulary } from "../src/engine/kimi/vocabulary.ts";
import { median, program, root, runNode, type Figure } from "./measure.ts";

const lines = 40_000;

/** `kimi format --lines` as a process, its start included, and the tokenizer alone. */
export async function format(): Promise<Figure[]> {
  const call =
    '<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Beijing"}<|tool_call_end|><|tool_calls_section_end|>';
  const inputs = {
    prompt: { messages: [{ role: "user", content: "What's the weather like in Beijing today?" }] },
    parse: { output: call },
    tokens: { text: "What's the weather like in Beijing today?" },
  };
  const figures: Figure[] = [];
  for (const [command, line] of Object.entries(inputs)) {
    const input = `${JSON.stringify(line)}\n`.repeat(lines);
    const times: number[] = [];
    for (let i = 0; i < 5; i++)
      times.push((await runNode([program, "format", command, "--lines"], { input })).wallMs);
    figures.push({
      name: `format ${command} --lines`,
      value: (lines / median(times)) * 1000,
      unit: "lines/s",
      goal: 5_000,
      atLeast: true,
    });
  }
  const tokenizer = new KimiTokenizer(
    readVocabulary(join(root, "models", "kimi-nano", "kimi-nano-q8_0.gguf")),
  );
  const text = readFileSync(join(root, "src", "README.md"), "utf8").repeat(20);
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const started = performance.now();
    tokenizer.encode(text);
    times.push(performance.now() - started);
  }
  figures.push({
    name: "tokenizer",
    value: Buffer.byteLength(text) / 1e3 / median(times),
    unit: "MB/s",
  });
  return figures;
}
