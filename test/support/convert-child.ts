/** Converts a checkpoint in a process that a test may kill: SOURCE OUT TYPE [THREADS]; tells of every tenth of a second. */
import { convertCheckpoint } from "../../src/checkpoint/convert/convert-checkpoint.ts";
import type { OutputType } from "../../src/checkpoint/convert/tensor-types.ts";

const [source = "", output = "", type = "f32", threads = "1"] = process.argv.slice(2);
const conversion = convertCheckpoint({
  source,
  output,
  type: type as OutputType,
  threads: Number(threads),
  name: "model",
  recordEveryMs: 0,
  overwrite: true,
  signal: new AbortController().signal,
});
let step = await conversion.next();
while (step.done !== true) {
  process.send?.(step.value.type);
  step = await conversion.next();
}
process.send?.("done");
process.disconnect?.();
