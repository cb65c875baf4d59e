/** Makes the embedded model from nano's checkpoint: `node scripts/make-nano.ts CHECKPOINT OUT.gguf`. */
import { convertCheckpoint } from "../src/checkpoint/convert/convert-checkpoint.ts";

const [source, output] = process.argv.slice(2);
if (source === undefined || output === undefined) {
  process.stderr.write("usage: node scripts/make-nano.ts CHECKPOINT OUT.gguf\n");
  process.exit(2);
}
const conversion = convertCheckpoint({
  source,
  output,
  type: "q8_0",
  name: "kimi-nano",
  overwrite: true,
  signal: new AbortController().signal,
});
let step = await conversion.next();
while (step.done !== true) step = await conversion.next();
process.stdout.write(`${output}: ${step.value.plan.sizeBytes} bytes\n`);
