import { basename } from "node:path";
import {
  convertCheckpoint,
  type ConversionEvent,
} from "../checkpoint/convert/convert-checkpoint.ts";
import type { ConversionPlan } from "../checkpoint/convert/conversion-plan.ts";
import type { QuantizerModule } from "../checkpoint/convert/load-quantizer.ts";
import { outputTypes, type OutputType } from "../checkpoint/convert/tensor-types.ts";
import { exitCodes, usageError, type ExitCode } from "../errors.ts";
import { lockFile } from "../file-lock.ts";
import { Interruption, Interruptions } from "./interruption.ts";
import { sizeText, tableText } from "../plain-text.ts";
import { progressBar, type ProgressBar } from "./progress-bar.ts";

export interface ConvertCommand {
  readonly source: string;
  readonly output: string;
  readonly type: string;
  /** `50G`, `500M`, or bytes. */
  readonly splitMaxSize?: string | undefined;
  readonly threads?: string | number | undefined;
  readonly dryRun?: boolean | undefined;
  readonly overwrite?: boolean | undefined;
  readonly quantizerModule?: QuantizerModule | undefined;
}

/**
 * `kimi models convert`: progress on standard error, what was written on standard output.
 * @returns the exit code
 * @throws KimiError
 */
export async function convert(command: ConvertCommand): Promise<ExitCode> {
  const { source, output, dryRun = false, overwrite = false, quantizerModule } = command;
  const type = typeOf(command.type);
  const threads = threadsOf(command.threads);
  const splitMaxSizeBytes = sizeOf(command.splitMaxSize);
  const interruptions = new Interruptions();
  const progress = progressBar(process.stderr);
  const unlock = dryRun ? () => {} : lockOutput(output);
  try {
    const conversion = convertCheckpoint({
      source,
      output,
      type,
      splitMaxSizeBytes,
      threads,
      dryRun,
      overwrite,
      quantizerModule,
      signal: interruptions.signal,
    });
    let step = await conversion.next();
    while (step.done !== true) {
      show(step.value, basename(output), progress);
      step = await conversion.next();
    }
    const { plan, seconds, convertedBytes } = step.value;
    progress.end();
    process.stdout.write(dryRun ? planText(plan) : resultText(plan));
    const rate = sizeText(convertedBytes / Math.max(seconds, 0.001));
    if (!dryRun) process.stderr.write(`${seconds.toFixed(1)} s, ${rate}/s\n`);
    return exitCodes.done;
  } catch (thrown) {
    if (!(thrown instanceof Interruption)) throw thrown;
    progress.end();
    process.stderr.write(`kimi: ${thrown.message}\nhint: The same command goes on from here.\n`);
    return thrown.exitCode;
  } finally {
    unlock();
    progress.end();
    interruptions.stop();
  }
}

/** Two conversions at once to one file would write over each other. @throws KimiError */
function lockOutput(output: string): () => void {
  return lockFile(`${output}.lock`, {
    message: `${output} is being written by another kimi`,
    code: "busy",
    exitCode: exitCodes.tryAgain,
    hint: "Wait until it is done, or convert to another file.",
    failure: {
      message: `${output} can't be written`,
      code: "disk",
      hint: "Check that its folder is there, and its permissions.",
    },
  });
}

function show(event: ConversionEvent, label: string, progress: ProgressBar): void {
  if (event.type === "progress")
    progress.update({ label, doneBytes: event.doneBytes, totalBytes: event.totalBytes });
  else if (event.type === "resume") {
    const percent = Math.floor((100 * event.doneBytes) / event.totalBytes);
    process.stderr.write(`going on with an earlier run, which had done ${percent} %\n`);
  }
}

function typeOf(text: string): OutputType {
  const type = text.toLowerCase();
  if (Object.hasOwn(outputTypes, type)) return type as OutputType;
  throw usageError(`there is no type ${text}`, `Types: ${Object.keys(outputTypes).join(", ")}.`);
}

function threadsOf(text: string | number | undefined): number | undefined {
  if (text === undefined) return undefined;
  const threads = Number(text);
  if (Number.isInteger(threads) && threads >= 1 && threads <= 256) return threads;
  throw usageError(`--threads ${text} is no number of threads`, "From 1 to 256, or leave it out.");
}

const units: Readonly<Record<string, number>> = { "": 1, K: 1e3, M: 1e6, G: 1e9 };

/** As llama.cpp's tools read it: thousands, not 1,024s. */
function sizeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parts = /^(\d+)([KMG]?)$/.exec(text.toUpperCase());
  const size = Number(parts?.[1]) * (units[parts?.[2] ?? ""] ?? 1);
  if (size > 0) return size;
  throw usageError(`--split-max-size ${text} is no size`, "Write 50G, 500M, or bytes.");
}

function planText(plan: ConversionPlan): string {
  const rows = plan.tensors.map(({ name, type, dimensions, sizeBytes }) => [
    name,
    type,
    dimensions.join(" x "),
    sizeText(sizeBytes),
  ]);
  return `${tableText(rows)}${resultText(plan)}`;
}

function resultText({ files, tensors, sizeBytes }: ConversionPlan): string {
  const rows = files.map((file) => `${file.path}  ${sizeText(file.sizeBytes)}`);
  const whole = `${tensors.length} tensors, ${sizeText(sizeBytes)}`;
  return `${[...rows, ...(files.length > 1 ? [whole] : [])].join("\n")}\n`;
}
