/** A plan from what the command line says, with the files that it names. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { localFiles } from "../checkpoint/checkpoint-files.ts";
import { describeModel, type ModelDescription } from "../checkpoint/describe-model.ts";
import { readCheckpoint } from "../checkpoint/read-checkpoint.ts";
import { clusterOf, type Cluster } from "../cluster/cluster.ts";
import { engineNames, type DeploymentPlan, type EngineName } from "../cluster/deployment-plan.ts";
import { choicesOf, hasFlag, readEngineFlags, resolveVersion } from "../cluster/engine-flags.ts";
import { withEngineFlags } from "../cluster/engine-flags-added.ts";
import { readInventory } from "../cluster/inventory.ts";
import { findKnownModel, knownModels } from "../cluster/known-models.ts";
import { planDeployment } from "../cluster/plan-deployment.ts";
import {
  cpuKinds,
  layoutNames,
  type CpuKind,
  type DeployRequest,
} from "../cluster/serving-engine.ts";
import { nearest } from "../config/nearest.ts";
import { messageOf, usageError } from "../errors.ts";
import { openHub } from "../models/hub.ts";
import { parseReference } from "../models/reference.ts";
import { openRemoteFiles } from "../models/remote-files.ts";
import { parseSize } from "../plain-text.ts";
import { requireOne, type DeployOptions } from "./deploy-options.ts";

/** @throws KimiError for what is not understood, does not fit, or can't be had. */
export async function planFromOptions(
  engineName: string,
  options: DeployOptions,
): Promise<{ readonly plan: DeploymentPlan; readonly hasStandIns: boolean }> {
  const engine = requireEngine(engineName);
  const engineVersion = resolveVersion(engine, options.engineVersion);
  const flags = await readEngineFlags(engine, engineVersion);
  const { cluster, cpu } = clusterFrom(options);
  const model = await modelFrom(options.model);
  const { split } = options;
  const plan = planDeployment({
    engine,
    engineVersion,
    hasFlag: (command, flag) => hasFlag(flags, command, flag),
    choicesOf: (command, flag) => choicesOf(flags, command, flag),
    cluster: options.ram === undefined ? cluster : { ...cluster, ramBytes: ramOf(options.ram) },
    model,
    modelArgument: modelArgumentOf(options.model, engine),
    servedName: servedNameOf(options, engine),
    context: options.context,
    concurrency: options.concurrency,
    layout:
      options.layout === undefined
        ? undefined
        : requireOne("--layout", options.layout, layoutNames),
    split: split === undefined ? undefined : splitOf(split, cluster),
    kvCache: requireOne("--kv-cache", options.kvCache, ["auto", "fp8"] as const),
    port: options.port,
    modelType: options.modelType,
    cpu: options.cpu === undefined ? cpu : requireOne("--cpu", options.cpu, cpuKinds),
    cpuWeights: options.cpuWeights,
  });
  const whole = withEngineFlags(plan, options.engineFlags, flags);
  return { plan: whole, hasStandIns: cluster.hasStandIns };
}

/** A mistyped engine may have been meant as one of deploy's own commands. */
function requireEngine(text: string): EngineName {
  const command = nearest(text, ["status", "stop"]);
  if (command === undefined || nearest(text, engineNames) !== undefined)
    return requireOne("engine", text, engineNames);
  throw usageError(`there is no engine ${text}`, `Did you mean kimi deploy ${command}?`);
}

function clusterFrom({ gpu, gpus, nodes, hosts, inventory }: DeployOptions): {
  cluster: Cluster;
  cpu: CpuKind | undefined;
} {
  if (inventory !== undefined) {
    const other = [gpu, gpus, nodes, hosts].some((value) => value !== undefined);
    if (other)
      throw usageError(
        "--inventory says what the machines are, and so do --gpu, --gpus, --nodes, --hosts",
        "Give the one or the others.",
      );
    return readInventory({ text: readText(inventory), path: inventory, parseSize });
  }
  if (gpu === undefined || gpus === undefined)
    throw usageError(
      "it is not said what the machines are",
      "Give --gpus 16 --gpu h200, or --inventory cluster.yaml.",
    );
  const names = hosts?.split(",").map((name) => name.trim());
  if (hosts?.trim() === "") throw usageError("--hosts is empty", "Name each node: --hosts a,b.");
  return { cluster: clusterOf({ gpu, gpus, nodes, hosts: names }), cpu: undefined };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw usageError(
      `the inventory ${path} can't be read: ${messageOf(cause)}`,
      "Give the path of a YAML file with a list of hosts.",
    );
  }
}

/** A folder, one of Moonshot's by name, wherever it lies on the hosts, or another one on Hugging Face. */
async function modelFrom(text: string): Promise<ModelDescription> {
  if (existsSync(text)) return describeModel(await readCheckpoint(localFiles(text)));
  const known = findKnownModel(text.replace(/^hf:/, "").replace(/@[^/]*$/, ""));
  if (known) return known;
  const hub = openHub(process.env);
  const reference = text.startsWith("/") ? undefined : parseReference(text, hub.endpoint);
  if (!reference)
    throw usageError(
      `--model ${text} is not here, and its folder's name is none of the checkpoints that are known here`,
      `Known by their names are ${knownModels.map((name) => name.replace(/^.*\//, "")).join(", ")}; or give hf:OWNER/NAME.`,
    );
  const { signal } = new AbortController();
  return describeModel(await readCheckpoint(await openRemoteFiles(reference, { hub, signal })));
}

/** Engines fetch a checkpoint by its name; KTransformers' weights have to lie in a folder. */
function modelArgumentOf(text: string, engine: EngineName): string {
  if (existsSync(text)) return resolve(text);
  const name = text.replace(/^hf:/, "");
  if (engine !== "ktransformers" || name.startsWith("/")) return name;
  return `/models/${name.split("/").findLast(Boolean) ?? name}`;
}

/** TensorRT-LLM calls a model by its folder and has no flag for another name. */
function servedNameOf({ servedModelName, model }: DeployOptions, engine: EngineName): string {
  if (engine !== "tensorrt-llm") return servedModelName ?? "kimi-k2";
  return model.replace(/^hf:/, "").split("/").findLast(Boolean) ?? model;
}

function ramOf(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw usageError(`--ram ${text} is no size`, "Write 512G or 2T.");
  return bytes;
}

/** `4:12` hosts for prefill and decode. */
function splitOf(text: string, { hosts }: Cluster): NonNullable<DeployRequest["split"]> {
  const [prefill = 0, decode = 0, ...rest] = text.split(":").map(Number);
  const isSplit = rest.length === 0 && [prefill, decode].every((n) => Number.isInteger(n) && n > 0);
  if (!isSplit)
    throw usageError(`--split ${text} is none`, "Write 4:12 for 4 prefill and 12 decode nodes.");
  if (prefill + decode !== hosts.length)
    throw usageError(
      `--split ${text} is of ${prefill + decode} nodes, and there are ${hosts.length}`,
      "It has to share out all of them.",
    );
  return { prefill, decode };
}
