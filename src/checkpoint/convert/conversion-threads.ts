import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { KimiError } from "../../errors.ts";
import { UnitConverter, type ConversionUnit } from "./conversion-unit.ts";
import { loadQuantizer, type QuantizerModule } from "./load-quantizer.ts";

/** One place where units are converted, one after another. */
export interface ConversionThread {
  /** Resolves when the unit's bytes are handed to the system. @throws KimiError */
  convert(unit: ConversionUnit): Promise<void>;
  close(): Promise<void>;
}

/** What a worker answers: nothing, or what failed. */
export interface WorkerAnswer {
  readonly failure?: {
    readonly message: string;
    readonly code?: string;
    readonly hint?: string;
  };
}

/** This very thread, between the turns of its event loop: for what is done before a worker would have started. */
export function ownThread(quantizerModule: QuantizerModule | undefined): ConversionThread {
  let converter: UnitConverter | undefined;
  return {
    async convert(unit) {
      converter ??= new UnitConverter(loadQuantizer(quantizerModule));
      await new Promise((resolve) => setImmediate(resolve));
      converter.convert(unit);
    },
    close: () => Promise.resolve(converter?.close()),
  };
}

export function workerThread(quantizerModule: QuantizerModule | undefined): ConversionThread {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const script = new URL(`conversion-worker.${extension}`, import.meta.url);
  const worker = new Worker(fileURLToPath(script), {
    workerData: { quantizerModule },
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
  });
  worker.unref(); // an abandoned conversion must not keep the program
  const waiting: { resolve: () => void; reject: (reason: unknown) => void }[] = [];
  const fail = (error: unknown): void => waiting.splice(0).forEach(({ reject }) => reject(error));
  worker.on("message", ({ failure }: WorkerAnswer) => {
    const first = waiting.shift();
    if (failure) first?.reject(errorOf(failure));
    else first?.resolve();
    if (waiting.length === 0) worker.unref();
  });
  worker.on("error", fail);
  worker.on("exit", (code) => fail(new Error(`a conversion thread ended (${code})`)));
  return {
    convert: (unit) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        worker.ref();
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
        worker.postMessage(unit);
      }),
    async close() {
      waiting.length = 0;
      await worker.terminate();
    },
  };
}

function errorOf({ message, code, hint }: NonNullable<WorkerAnswer["failure"]>): Error {
  if (code === undefined) return new Error(message);
  return new KimiError(message, { code, ...(hint === undefined ? {} : { hint }) });
}
