import { availableParallelism } from "node:os";
import {
  planConversion,
  requireQuantizer,
  type ConversionPlan,
  type PlannedTensor,
  type PlanOptions,
} from "./conversion-plan.ts";
import { ownThread, workerThread, type ConversionThread } from "./conversion-threads.ts";
import type { QuantizerModule } from "./load-quantizer.ts";
import { ConversionRecorder } from "./conversion-recorder.ts";
import { unitValues } from "./conversion-unit.ts";
import { ConversionWork } from "./conversion-work.ts";
import { PartFiles } from "./part-files.ts";

export interface ConversionOptions extends PlanOptions {
  /** One for each core if not given; 40 at most. */
  readonly threads?: number | undefined;
  /** Only plan: nothing is written. */
  readonly dryRun?: boolean | undefined;
  /** Whether a file of the output's name may be replaced. */
  readonly overwrite?: boolean | undefined;
  /** Needed for K-quants. */
  readonly quantizerModule?: QuantizerModule | undefined;
  /** How long a kill may cost: finished tensors are noted so often. */
  readonly recordEveryMs?: number | undefined;
  readonly signal: AbortSignal;
}

/** Bytes are those of the checkpoint that are read. */
export type ConversionEvent =
  | { readonly type: "plan"; readonly plan: ConversionPlan }
  /** An earlier run had got so far. */
  | { readonly type: "resume"; readonly doneBytes: number; readonly totalBytes: number }
  | {
      readonly type: "progress";
      readonly tensor: string;
      readonly doneBytes: number;
      readonly totalBytes: number;
      /** Of this run. */
      readonly bytesPerSecond: number;
      readonly secondsLeft: number;
    };

export interface ConversionResult {
  readonly plan: ConversionPlan;
  readonly isWritten: boolean;
  readonly seconds: number;
  /** Of the checkpoint's bytes, those that this run read. */
  readonly convertedBytes: number;
}

const progressEveryMs = 100;
/** A thread takes some 30 MB, and all together may take 2 GB. */
const threadsAtMost = 40;

/**
 * Converts a DeepSeek-V3 or Kimi K2 checkpoint of Hugging Face to GGUF, a million values at a time on every
 * core. A run that is cut off at any moment leaves `.part` files and a journal, from which the same call goes on.
 * @throws KimiError naming the tensor or file; when aborted, signal.reason
 */
export async function* convertCheckpoint(
  options: ConversionOptions,
): AsyncGenerator<ConversionEvent, ConversionResult> {
  const { signal, output, quantizerModule } = options;
  const started = performance.now();
  signal.throwIfAborted();
  const plan = planConversion(options);
  yield { type: "plan", plan };
  const seconds = (): number => (performance.now() - started) / 1_000;
  if (options.dryRun === true)
    return { plan, isWritten: false, seconds: seconds(), convertedBytes: 0 };
  requireQuantizer(plan, quantizerModule !== undefined);
  const parts = PartFiles.open(plan, output, options.overwrite ?? false);
  let convertedBytes = 0;
  try {
    const left = plan.tensors.filter(({ name }) => !parts.finished.has(name));
    const totalBytes = plan.sourceBytes;
    const skipped = totalBytes - left.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0);
    if (skipped > 0) yield { type: "resume", doneBytes: skipped, totalBytes };
    for await (const { tensor, bytes } of convertTensors(left, parts, options)) {
      convertedBytes = bytes;
      const bytesPerSecond = bytes / seconds();
      const doneBytes = skipped + bytes;
      const secondsLeft = (totalBytes - doneBytes) / bytesPerSecond;
      yield { type: "progress", tensor, doneBytes, totalBytes, bytesPerSecond, secondsLeft };
    }
    parts.finish();
  } finally {
    parts.close();
  }
  return { plan, isWritten: true, seconds: seconds(), convertedBytes };
}

/** Yields what is done from time to time, and once at the end. */
async function* convertTensors(
  tensors: readonly PlannedTensor[],
  parts: PartFiles,
  options: ConversionOptions,
): AsyncGenerator<{ tensor: string; bytes: number }> {
  const { signal, recordEveryMs = 1_000 } = options;
  const work = new ConversionWork(tensors);
  const recorder = new ConversionRecorder(work, parts, recordEveryMs);
  const threads = openThreads(tensors, options);
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const running = Promise.all(threads.map((thread) => work.run(thread))).then(() => false);
  try {
    signal.throwIfAborted();
    let isRunning = true;
    while (isRunning) {
      isRunning = await Promise.race([
        running,
        aborted.promise,
        after(Math.min(progressEveryMs, recordEveryMs)),
      ]);
      await recorder.turn();
      yield { tensor: work.current, bytes: work.bytes };
    }
  } finally {
    signal.removeEventListener("abort", abort);
    running.catch(() => {}); // one failure is told of, and the others follow from it
    work.cancel();
    await Promise.all(threads.map((thread) => thread.close()));
    await recorder.close(); // also after a failure: nothing that is done is lost
  }
}

function after(ms: number): Promise<true> {
  return new Promise((resolve) => setTimeout(() => resolve(true), ms));
}

/** A worker is worth its start for some ten million values. */
function openThreads(
  tensors: readonly PlannedTensor[],
  { threads, quantizerModule }: ConversionOptions,
): ConversionThread[] {
  const values = tensors.reduce(
    (sum, { dimensions }) => sum + dimensions.reduce((product, size) => product * size, 1),
    0,
  );
  const worthwhile = Math.min(availableParallelism(), Math.ceil(values / (16 * unitValues)));
  const count = Math.min(threads ?? worthwhile, threadsAtMost);
  if (count <= 1) return [ownThread(quantizerModule)];
  return Array.from({ length: count }, () => workerThread(quantizerModule));
}
