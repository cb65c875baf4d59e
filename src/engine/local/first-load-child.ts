/** The child process of `first-load.ts`: PATH THREADS PLACEMENT (JSON); exits 0 if the model computes. */
import { KimiError, messageOf } from "../../errors.ts";
import { loadLlama } from "./load-llama.ts";
import type { PlacementOptions } from "./local-placement.ts";
import { openModelFile } from "./model-file.ts";

const [path = "", threads = "1", placement = "{}"] = process.argv.slice(2);
try {
  const { model, sequence } = await loadLlama({
    file: openModelFile(path),
    threads: Number(threads),
    placement: JSON.parse(placement) as PlacementOptions,
  });
  let tokens = 0;
  for await (const _token of sequence.evaluate(model.tokenize("a b c d"), {
    yieldEogToken: true,
  })) {
    if (++tokens === 2) break;
  }
  process.exit(0);
} catch (thrown) {
  const hint = thrown instanceof KimiError ? thrown.hint : undefined;
  process.send?.(JSON.stringify({ text: messageOf(thrown), hint }), () => process.exit(1));
}
