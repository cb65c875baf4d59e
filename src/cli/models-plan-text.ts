import type { ModelDescription } from "../checkpoint/describe-model.ts";
import { kTransformersFlags, llamaFlags } from "../checkpoint/plan-flags.ts";
import {
  layersText,
  planParts,
  type DevicePlan,
  type PlanPart,
} from "../checkpoint/plan-device.ts";
import type { Placement } from "../checkpoint/plan-placement.ts";
import { formula, predictSpeed, usualShare, type SpeedEstimate } from "../checkpoint/plan-speed.ts";
import { shellQuote } from "../cluster/shell-quote.ts";
import { withoutControls } from "../render/text.ts";
import { sizeText, wholeText, wrapText } from "../plain-text.ts";

const columns = 80;
const barWidth = 44;

/** The letter that a part has in the bars. */
const letters: Readonly<Record<PlanPart, string>> = {
  attention: "A",
  dense: "D",
  "shared experts": "S",
  experts: "E",
  embeddings: "T",
  "KV cache": "K",
  buffers: "B",
};

export interface Plan {
  /** As it is placed. */
  readonly model: ModelDescription;
  /** Before a conversion that is only thought of. */
  readonly original: ModelDescription;
  readonly placement: Placement;
}

/** What `kimi models plan` prints, in 80 columns and without colours. */
export function planText({ model, original, placement }: Plan): string {
  const { context, kvType, kvBytes, devices } = placement;
  const title = `${model.name}, ${model.quantisation}, ${sizeText(model.weights.total.bytes)}; context ${wholeText(context)}, KV cache ${kvType} ${sizeText(kvBytes)}`;
  return withoutControls(
    [
      `${wrapped(title)}\n`,
      devices.map(deviceText).join(""),
      `${legend(devices)}\n`,
      verdict(model, placement),
      speedText(predictSpeed(model, placement)),
      commandsText({ model, original, placement }),
      ...warningsText(original),
    ].join("\n"),
  );
}

function deviceText(device: DevicePlan): string {
  const { name, capacityBytes, usedBytes, missingBytes } = device;
  const label = name.length > 12 ? `${name.slice(0, 11)}…` : name.padEnd(12);
  const state = missingBytes > 0 ? `, ${sizeText(missingBytes)} missing` : "";
  const bar = barOf(device);
  const sizes = planParts
    .filter((part) => device.parts[part] > 0)
    .map((part) => `${part} ${sizeText(device.parts[part])}`);
  const { layers, expertLayers } = device;
  const where = [
    ...(layers.length > 0 ? [layersText(layers)] : []),
    ...(expertLayers.length > 0 ? [`experts of ${layersText(expertLayers)}`] : []),
  ];
  return [
    `${label} [${bar}] ${sizeText(usedBytes)} of ${sizeText(capacityBytes)}${state}`,
    wrapped(sizes.join(", "), 4),
    ...(where.length > 0 ? [wrapped(where.join("; "), 4)] : []),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** One column is one part of the capacity; what is too much ends in an exclamation mark. */
function barOf({ parts, capacityBytes, usedBytes, missingBytes }: DevicePlan): string {
  const scale = barWidth / Math.max(capacityBytes, usedBytes, 1);
  let sum = 0;
  let bar = "";
  for (const part of planParts) {
    sum += parts[part];
    bar += letters[part].repeat(Math.max(0, Math.round(sum * scale) - bar.length));
  }
  return missingBytes > 0 ? `${bar.slice(0, barWidth - 1)}!` : bar.padEnd(barWidth, ".");
}

function legend(devices: readonly DevicePlan[]): string {
  const used = planParts.filter((part) => devices.some(({ parts }) => parts[part] > 0));
  return wrapped(used.map((part) => `${letters[part]} ${part}`).join("   "));
}

function verdict(model: ModelDescription, { fits, devices }: Placement): string {
  if (fits) return "It fits.\n";
  const over = devices.filter(({ missingBytes }) => missingBytes > 0);
  const room = devices.reduce((sum, device) => {
    const { parts } = device;
    return sum + device.capacityBytes - parts.buffers - parts["KV cache"];
  }, 0);
  const smaller = model.estimates.find(({ bytes }) => bytes < room);
  const missing = over.map(({ name, missingBytes }) => `${sizeText(missingBytes)} on ${name}`);
  const advice =
    smaller === undefined
      ? "No type that llama.cpp converts to is small enough."
      : `${smaller.type} would (${sizeText(smaller.bytes)}).`;
  return `${wrapped(`It does not fit: ${missing.join(", ")} missing. ${advice}`)}\n`;
}

function speedText({ devices, bound, boundAtFullContext, expected }: SpeedEstimate): string {
  const each = devices
    .filter(({ bytesPerToken }) => bytesPerToken > 0)
    .map(
      ({ name, bytesPerToken, bandwidth, isAssumed }) =>
        `${name} ${sizeText(bytesPerToken)} at ${wholeText(bandwidth / 1e9)} GB/s${isAssumed ? " (assumed)" : ""}`,
    );
  const lines = [
    `Decoding: about ${rate(expected)} tokens/s; at most ${rate(bound)}, with a full context ${rate(boundAtFullContext)}.`,
    `Read for each token: ${each.join(", ")}.`,
    `${formula}; measured machines reach about ${usualShare} of it (k2-facts 4.10).`,
  ];
  return lines.map((line) => `${wrapped(line)}\n`).join("");
}

/** What does not work as it should, wherever it goes. */
function warningsText({ problems }: ModelDescription): string[] {
  const warnings = problems.filter(({ severity }) => severity !== "note");
  if (warnings.length === 0) return [];
  return [warnings.map(({ message }) => `${wrapped(`Note that ${message}.`)}\n`).join("")];
}

const rate = (tokens: number): string => (tokens >= 100 ? wholeText(tokens) : tokens.toFixed(1));

function commandsText({ model, original, placement }: Plan): string {
  const file = model.format === "gguf" ? shellQuote(mainFile(model)) : "MODEL.gguf";
  const llama = commandText([
    "llama-server",
    "-m",
    file,
    ...llamaFlags(model, placement).map(shellQuote),
  ]);
  const { flags, lacks } = kTransformersFlags(original, placement);
  const kTransformers =
    lacks.length === 0
      ? commandText(["python", "-m", ...flags.map(shellQuote)])
      : `${wrapped(`not with this machine and this model: it lacks ${lacks.join(", ")}`, 2)}\n`;
  return `llama.cpp:\n${llama}\nKTransformers:\n${kTransformers}`;
}

function mainFile({ location, files }: ModelDescription): string {
  return location.endsWith(".gguf") ? location : `${location}/${files[0]?.name ?? ""}`;
}

/** Flags with their values on lines that a shell joins again. */
function commandText(words: readonly string[]): string {
  const lines: string[] = [];
  let line = " ";
  words.forEach((word, index) => {
    const next = words[index + 1];
    const isFlag = /^-\D/.test(word) && next !== undefined && !next.startsWith("-");
    const needed = word.length + (isFlag ? next.length + 1 : 0);
    const isStart = index === 0 || /^-\D/.test(word);
    if (isStart && line.trim() !== "" && line.length + needed + 3 > columns) {
      lines.push(`${line} \\`);
      line = "   ";
    }
    line += ` ${word}`;
  });
  return [...lines, line].map((one) => `${one}\n`).join("");
}

function wrapped(text: string, indent = 0): string {
  return " ".repeat(indent) + wrapText(text, indent);
}
