/** The child process of `first-load.ts`: PATH THREADS [CONTEXT]; exits 0 if the model computes. */
import { KimiError, messageOf } from "../../errors.ts";
import { loadLlama } from "./load-llama.ts";
import { openModelFile } from "./model-file.ts";

const [path = "", threads = "1", contextSize = ""] = process.argv.slice(2);
try {
  const { model, sequence } = await loadLlama({
    file: openModelFile(path),
    threads: Number(threads),
    contextSize: contextSize === "" ? undefined : Number(contextSize),
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
