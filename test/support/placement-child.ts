/**
 * The local engine's own loading in a process of its own: PATH PLACEMENT (JSON). Prints JSON: the lines of
 * llama.cpp's log that tell where tensors went, how often the addon was asked, and greedy tokens.
 */
import { openNativeAddon } from "../../src/engine/local/native-addon.ts";
import { loadLlama } from "../../src/engine/local/load-llama.ts";
import type { PlacementOptions } from "../../src/engine/local/local-placement.ts";
import { openModelFile } from "../../src/engine/local/model-file.ts";

const [path = "", placement = "{}"] = process.argv.slice(2);
const native = openNativeAddon();
const log: string[] = [];
const {
  model,
  sequence,
  placement: chosen,
} = await loadLlama({
  file: openModelFile(path),
  threads: 1,
  placement: JSON.parse(placement) as PlacementOptions,
  onLog: (line) => log.push(line),
});
const prompts = ["The weather in Beijing is", "Hello! How", '{"city": "'];
const tokens: number[][] = [];
for (const prompt of prompts) {
  await sequence.clearHistory();
  const own: number[] = [];
  const options = { temperature: 0, yieldEogToken: true };
  for await (const token of sequence.evaluate(model.tokenize(prompt), options)) {
    if (own.push(token) === 12) break;
  }
  tokens.push(own);
}
const taken = "addon" in native ? native.addon.timesTaken() : 0;
const result = JSON.stringify({ log, tokens, taken, summary: chosen?.summary });
process.stdout.write(result, () => process.exit(0));
