import { existsSync, statSync } from "node:fs";
import { totalmem } from "node:os";
import { localFiles, type CheckpointFiles } from "../checkpoint/checkpoint-files.ts";
import { describeModel, type ModelDescription } from "../checkpoint/describe-model.ts";
import { asType } from "../checkpoint/describe-quantisation.ts";
import { kTransformersFlags, llamaFlags } from "../checkpoint/plan-flags.ts";
import { planPlacement } from "../checkpoint/plan-placement.ts";
import { formula, predictSpeed } from "../checkpoint/plan-speed.ts";
import { readCheckpoint } from "../checkpoint/read-checkpoint.ts";
import { cpuFlags } from "../engine/local/amx-guard.ts";
import { openNativeAddon } from "../engine/local/native-addon.ts";
import { chooseThreads } from "../engine/local/threads.ts";
import { exitCodes, KimiError, usageError, type ExitCode } from "../errors.ts";
import { openHub } from "../models/hub.ts";
import {
  findPulledModel,
  listModels,
  removeModel,
  requireComplete,
  requireModel,
} from "../models/model-folder.ts";
import { pullModel } from "../models/pull-model.ts";
import { parseReference } from "../models/reference.ts";
import { openRemoteFiles } from "../models/remote-files.ts";
import { withoutControls } from "../render/text.ts";
import { findGpus } from "./find-gpus.ts";
import { Interruption, Interruptions } from "./interruption.ts";
import { inspectText } from "./models-inspect-text.ts";
import { planText } from "./models-plan-text.ts";
import { sizeText, tableText } from "../plain-text.ts";
import { convertedType, parseGpus, requireKvType, requireSize } from "./plan-options.ts";
import { progressBar } from "./progress-bar.ts";
import { embeddedModelFile, modelFolder } from "./setup.ts";

const embedded = "kimi-nano";

export interface InspectOptions {
  readonly json: boolean;
  /** Tokens that are wanted. */
  readonly context?: number | undefined;
}

/** What `kimi models inspect` prints. @throws KimiError for what is no model or can't be reached. */
export async function inspectModel(
  target: string,
  { json, context }: InspectOptions,
): Promise<string> {
  const model = await openModel(target, context);
  return json ? `${JSON.stringify(model, null, 2)}\n` : inspectText(model);
}

/** Reads the head of a path, a pulled model, the embedded one, or a remote one. */
async function openModel(target: string, context?: number): Promise<ModelDescription> {
  const head = await readCheckpoint(await openFiles(target));
  const setsYarnBetas = "addon" in openNativeAddon();
  // With the addon a file that is unsafe with AMX runs, without AMX.
  const hasAmx = !setsYarnBetas && /\bamx_(int8|tile)\b/.test(cpuFlags());
  return describeModel(head, {
    hasAmx,
    setsYarnBetas,
    ...(context === undefined ? {} : { context }),
  });
}

async function openFiles(target: string): Promise<CheckpointFiles> {
  if (existsSync(target)) return localFiles(target);
  const pulled = findPulledModel(modelFolder, target);
  if (pulled) return localFiles(pulled.isComplete ? pulled.path : pulled.folder);
  const hub = openHub(process.env);
  const reference = parseReference(target, hub.endpoint);
  const { signal } = new AbortController(); // an interrupt ends the program, which leaves nothing behind
  if (reference) return openRemoteFiles(reference, { hub, signal });
  return localFiles(target === embedded ? embeddedModelFile() : target);
}

/** What `convert` reads: a path, or the folder of a pulled checkpoint. @throws KimiError for one that is not whole. */
export function checkpointFolder(source: string): string {
  const pulled = existsSync(source) ? undefined : findPulledModel(modelFolder, source);
  if (!pulled) return source;
  requireComplete(pulled);
  return pulled.folder;
}

export interface PlanOptions {
  readonly json: boolean;
  /** Tokens; the model's own, up to 32,768, if left out. */
  readonly context?: number | undefined;
  /** `24G,24G`, each with `@1008` for its bandwidth in GB/s; `none`; this machine's if left out. */
  readonly gpuMemory?: string | undefined;
  /** `512G`; this machine's if left out. */
  readonly ram?: string | undefined;
  /** GB/s. */
  readonly ramBandwidth?: number | undefined;
  readonly kvType?: string | undefined;
  readonly threads?: number | undefined;
  readonly gpuLayers?: number | undefined;
  readonly nCpuMoe?: number | undefined;
  /** As if the weights were of this type; of a checkpoint Q8_0, or Q4_0 for INT4, if left out. */
  readonly type?: string | undefined;
}

/** The least context that is planned for by itself. */
const usualContext = 32_768;

/** What `kimi models plan` prints. @throws KimiError for a model or a machine that is not understood. */
export async function planModel(target: string, options: PlanOptions): Promise<string> {
  const found = await openModel(target, options.context);
  const type = options.type ?? convertedType(found);
  const model = type === undefined ? found : asType(found, type);
  const trained = model.architecture?.context || usualContext;
  const placement = planPlacement({
    model,
    context: options.context ?? Math.min(usualContext, trained),
    gpus: options.gpuMemory === undefined ? await findGpus() : parseGpus(options.gpuMemory),
    ramBytes: options.ram === undefined ? totalmem() : requireSize(options.ram, "--ram"),
    ramBandwidth: options.ramBandwidth === undefined ? undefined : options.ramBandwidth * 1e9,
    threads: options.threads ?? chooseThreads(model.weights.total.bytes, undefined),
    kvType: requireKvType(options.kvType ?? "f16"),
    gpuLayers: options.gpuLayers,
    nCpuMoe: options.nCpuMoe,
  });
  if (!options.json) return planText({ model, original: found, placement });
  const plan = {
    model: { name: model.name, location: model.location, quantisation: model.quantisation },
    ...placement,
    speed: { ...predictSpeed(model, placement), formula },
    flags: {
      llamaCpp: llamaFlags(model, placement),
      kTransformers: kTransformersFlags(found, placement),
    },
    problems: model.problems,
  };
  return `${JSON.stringify(plan, null, 2)}\n`;
}

/** What `kimi models list` prints. */
export function listModelsText({ json }: { readonly json: boolean }): string {
  const models = listModels(modelFolder);
  if (json) return `${JSON.stringify(models, null, 2)}\n`;
  const rows = models.map((model) => [
    withoutControls(model.name),
    model.kind,
    sizeText(model.presentBytes),
    model.isComplete ? "" : `${percent(model.presentBytes, model.totalBytes)} there`,
  ]);
  return tableText([...rows, [embedded, "gguf", sizeText(embeddedBytes()), "embedded"]], "");
}

function embeddedBytes(): number {
  return statSync(embeddedModelFile(), { throwIfNoEntry: false })?.size ?? 0;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "not" : `${Math.floor((100 * part) / whole)} %`;
}

export interface PullOptions {
  /** Hexadecimal, for a single file. */
  readonly sha256?: string | undefined;
}

/**
 * Runs `kimi models pull`: the bar on standard error, the name and the path on standard output.
 * Returns the exit code, also of an interrupt. @throws KimiError; what has come stays.
 */
export async function pullModelCommand(
  reference: string,
  { sha256 }: PullOptions,
): Promise<ExitCode> {
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256))
    throw usageError(`--sha256 ${sha256} is no SHA-256`, "It has 64 hexadecimal digits.");
  const interruptions = new Interruptions();
  const bar = progressBar(process.stderr);
  try {
    const { model, fetched } = await pullModel({
      reference,
      modelFolder,
      hub: openHub(process.env),
      signal: interruptions.signal,
      sha256,
      now: () => new Date(),
      onProgress: ({ file, doneFiles, count, doneBytes, totalBytes }) =>
        bar.update({
          label: count > 1 ? `${doneFiles} of ${count} files` : file,
          doneBytes,
          totalBytes,
        }),
    });
    bar.end();
    if (fetched === 0) process.stderr.write(`kimi: ${model.name} is there already\n`);
    process.stdout.write(`${model.name}\t${model.path}\n`);
    return exitCodes.done;
  } catch (thrown) {
    if (!(thrown instanceof Interruption)) throw thrown;
    bar.end();
    process.stderr.write(`kimi: ${thrown.message}; the same command goes on from here\n`);
    return thrown.exitCode;
  } finally {
    bar.end();
    interruptions.stop();
  }
}

/** What `kimi models path` prints: what `--model` and other programs take. @throws KimiError. */
export function modelPathText(name: string): string {
  if (name === embedded) return `${embeddedModelFile()}\n`;
  const model = requireModel(modelFolder, name);
  if (model.isComplete) return `${model.path}\n`;
  throw new KimiError(`${name} is not all there`, {
    code: "incomplete-model",
    hint: `kimi models pull ${model.source} goes on.`,
  });
}

/** What `kimi models rm` prints: all of them or none. @throws KimiError for a name that is not exact. */
export function removeModelsText(names: readonly string[]): string {
  if (names.length === 0) throw usageError("no model is given", "kimi models list shows them.");
  if (names.includes(embedded))
    throw usageError(`${embedded} is a part of this program`, "It can't be removed.");
  const models = [...new Set(names)].map((name) => requireModel(modelFolder, name));
  for (const model of models) removeModel(model);
  return models
    .map(({ name, presentBytes }) => `removed ${name} (${sizeText(presentBytes)})\n`)
    .join("");
}
