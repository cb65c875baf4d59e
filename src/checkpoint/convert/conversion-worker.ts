/** A thread of `conversion-threads.ts`: converts the units that it is sent, in order, and answers each. */
import { parentPort, workerData } from "node:worker_threads";
import { KimiError, messageOf } from "../../errors.ts";
import type { WorkerAnswer } from "./conversion-threads.ts";
import { UnitConverter, type ConversionUnit } from "./conversion-unit.ts";
import { loadQuantizer, type QuantizerModule } from "./load-quantizer.ts";

const { quantizerModule } = workerData as { readonly quantizerModule: QuantizerModule | undefined };
let converter: UnitConverter | undefined;

parentPort?.on("message", (unit: ConversionUnit) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(answer(unit));
});

function answer(unit: ConversionUnit): WorkerAnswer {
  try {
    converter ??= new UnitConverter(loadQuantizer(quantizerModule));
    converter.convert(unit);
    return {};
  } catch (thrown) {
    const message = messageOf(thrown);
    if (!(thrown instanceof KimiError)) return { failure: { message } };
    const { code, hint } = thrown;
    return { failure: { message, code, ...(hint === undefined ? {} : { hint }) } };
  }
}
