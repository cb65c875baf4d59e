import { sizeText, tableText, wholeText } from "../../plain-text.ts";
import type { MemoryReport } from "../deployment-plan.ts";

const barWidth = 60;

/** The fullest GPU's memory as a bar with a letter for each part, and a line about each. */
export function memoryText({ accelerator, gpus, perGpu, hostBytes }: MemoryReport): string {
  const { capacityBytes } = perGpu;
  const parts = [
    ["W", "weights", perGpu.weightsBytes],
    ["K", "KV cache", perGpu.kvCacheBytes],
    ["A", "activations", perGpu.activationBytes],
    ["R", "runtime", perGpu.runtimeBytes],
    [".", "left free", perGpu.reservedBytes],
  ] as const;
  const rows = parts
    .filter(([, , bytes]) => bytes > 0)
    .map(([letter, name, bytes]) => [
      `${letter} ${name}`,
      sizeText(bytes),
      `${Math.round((bytes / capacityBytes) * 100)} %`,
    ]);
  const host =
    hostBytes === undefined
      ? ""
      : `The experts take ${sizeText(hostBytes)} of the host's memory.\n`;
  return [
    `Memory of ${gpus === 1 ? "the" : "each"} ${accelerator}, ${sizeText(capacityBytes)}:\n`,
    `  [${barOf(parts, capacityBytes)}]\n`,
    tableText(rows),
    host,
  ].join("");
}

function barOf(
  parts: readonly (readonly [string, string, number])[],
  capacityBytes: number,
): string {
  const used = parts.reduce((sum, [, , bytes]) => sum + bytes, 0);
  const scale = barWidth / Math.max(capacityBytes, used, 1);
  let sum = 0;
  let bar = "";
  for (const [letter, , bytes] of parts) {
    sum += bytes;
    bar += letter.repeat(Math.max(0, Math.round(sum * scale) - bar.length));
  }
  return bar.padEnd(barWidth, ".").slice(0, barWidth);
}

/** Sentences: what the memory is enough for. */
export function roomSentences(memory: MemoryReport): string[] {
  const { kvBytesPerToken, kvCopies, kvCapacityTokens, context, concurrency } = memory;
  const { maxContext, maxConcurrency, decodeTokensPerSecond } = memory;
  const waiting = maxConcurrency < concurrency ? ": the others wait" : "";
  const asked = concurrency === 1 ? "" : ` (${wholeText(concurrency)} asked for${waiting})`;
  const copies = kvCopies > 1 ? `, kept in ${kvCopies} copies` : "";
  const together =
    concurrency === 1
      ? ""
      : `, ${rateText(decodeTokensPerSecond.total)} for ${wholeText(concurrency)} together`;
  return [
    `Room for ${requests(maxConcurrency)} of ${wholeText(context)} tokens at a time${asked}, or for one of up to ${wholeText(maxContext)} tokens.`,
    `KV cache: ${wholeText(kvCapacityTokens)} tokens of ${wholeText(kvBytesPerToken)} bytes${copies}.`,
    `Decoding, at most, from bandwidths alone: ${rateText(decodeTokensPerSecond.single)} tokens/s for one request${together}.`,
  ];
}

const requests = (count: number): string =>
  `${wholeText(count)} ${count === 1 ? "request" : "requests"}`;

const rateText = (rate: number): string => (rate >= 100 ? wholeText(rate) : rate.toFixed(1));
