/** `kimi deploy ENGINE`. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { localFiles } from "../checkpoint/checkpoint-files.ts";
import { describeModel, type ModelDescription } from "../checkpoint/describe-model.ts";
import { readCheckpoint } from "../checkpoint/read-checkpoint.ts";
import { clusterOf, type Cluster } from "../cluster/cluster.ts";
import { engineNames, type DeploymentPlan, type EngineName } from "../cluster/deployment-plan.ts";
import { choicesOf, hasFlag, readEngineFlags, resolveVersion } from "../cluster/engine-flags.ts";
import { saveFiles } from "../cluster/formats/save-files.ts";
import { formats, writeFormat } from "../cluster/formats/write-format.ts";
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
import { exitCodes, messageOf, usageError, type ExitCode } from "../errors.ts";
import { openHub } from "../models/hub.ts";
import { parseReference } from "../models/reference.ts";
import { openRemoteFiles } from "../models/remote-files.ts";
import { parseSize } from "../plain-text.ts";

/** As commander has them. */
interface DeployOptions {
  /** Of the engine's own, for every command that serves the model. */
  readonly engineFlags: readonly string[];
  readonly gpu?: string;
  readonly gpus?: number | undefined;
  readonly nodes?: number | undefined;
  readonly hosts?: string;
  readonly inventory?: string;
  readonly model: string;
  readonly servedModelName?: string;
  readonly context?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly layout?: string;
  readonly split?: string;
  readonly kvCache: string;
  readonly port: number;
  readonly modelType?: string;
  readonly engineVersion?: string;
  readonly ram?: string;
  readonly cpu?: string;
  readonly cpuWeights?: string;
  readonly format?: string;
  readonly outputDir?: string;
  readonly overwrite?: boolean;
  readonly launch?: boolean;
  readonly name?: string;
  readonly detach?: boolean;
  readonly follow?: boolean;
  readonly setup?: string;
  readonly sshConfig?: string;
  /** Seconds. */
  readonly timeoutSeconds?: number | undefined;
}

/** Prints the plan, writes it, or starts it. Returns the exit code. @throws KimiError */
export async function deploy(engine: string, options: DeployOptions): Promise<ExitCode> {
  refuseWhatIsIgnored(engine.toLowerCase(), options);
  const { plan, hasStandIns } = await planFromOptions(engine, options);
  if (options.launch && hasStandIns)
    throw usageError(
      "it is not said where the nodes are",
      "Name them with --hosts a,b or in an --inventory.",
    );
  if (options.launch) return launch(plan, options);
  const { stdout, files } = writeFormat(
    plan,
    requireOne("--format", options.format ?? "text", formats),
  );
  if (options.outputDir === undefined) process.stdout.write(stdout);
  else {
    await saveFiles(options.outputDir, files, { force: options.overwrite ?? false });
    const paths = files.map(({ path }) => `${join(options.outputDir ?? "", path)}\n`);
    process.stdout.write(paths.join(""));
  }
  return exitCodes.done;
}

/** @throws KimiError for options that would change nothing. */
function refuseWhatIsIgnored(engine: string, options: DeployOptions): void {
  const { layout, split, launch: isLaunch } = options;
  const given = (...names: (keyof DeployOptions)[]): string[] =>
    names
      .filter((name) => options[name] !== undefined && options[name] !== false)
      .map((name) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  const refuse = (flags: readonly string[], why: string, hint: string): void => {
    if (flags[0] !== undefined) throw usageError(`${flags[0]} ${why}`, hint);
  };
  if (engine !== "ktransformers")
    refuse(
      given("ram", "cpu", "cpuWeights"),
      "is for ktransformers",
      `${engine} keeps the whole model on the GPUs.`,
    );
  if (engine !== "sglang" || (layout !== undefined && layout !== "split"))
    refuse(
      split === undefined ? [] : ["--split"],
      `goes with sglang's layout split`,
      "Leave it out, or plan for sglang without --layout.",
    );
  if (engine === "tensorrt-llm")
    refuse(
      given("servedModelName"),
      "is no option of trtllm-serve",
      "It calls the model by its folder.",
    );
  if (isLaunch)
    refuse(
      given("format", "outputDir", "overwrite"),
      "has no use with --launch, which starts the plan",
      "Leave out the one or the other.",
    );
  else
    refuse(
      [
        ...given("name", "detach", "follow", "setup", "sshConfig"),
        ...(options.timeoutSeconds === undefined ? [] : ["--timeout"]),
      ],
      "is for --launch",
      "Add --launch to start the plan.",
    );
  for (const name of ["servedModelName", "modelType", "model"] as const)
    if (options[name] === "")
      throw usageError(`${given(name)[0] ?? name} is empty`, "Give a name, or leave it out.");
}

async function launch(plan: DeploymentPlan, options: DeployOptions): Promise<ExitCode> {
  const { name = plan.engine, detach = false, follow = false } = options;
  const { launchDeployment } = await import("./deploy-launch.ts");
  return launchDeployment(plan, {
    name,
    isDetached: detach,
    isFollowing: follow,
    setup: options.setup,
    sshConfigFile: options.sshConfig,
    ...(options.timeoutSeconds === undefined ? {} : { timeoutSeconds: options.timeoutSeconds }),
  });
}

/** @throws KimiError for what is not understood, does not fit, or can't be had. */
async function planFromOptions(
  engineName: string,
  options: DeployOptions,
): Promise<{ readonly plan: DeploymentPlan; readonly hasStandIns: boolean }> {
  const engine = requireOne("engine", engineName, engineNames);
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

function requireOne<const Name extends string>(
  what: string,
  text: string,
  names: readonly Name[],
): Name {
  const found = names.find((name) => name === text.toLowerCase());
  if (found) return found;
  const like = nearest(text, names);
  throw usageError(
    what === "engine" ? `there is no engine ${text}` : `${what} ${text} is none`,
    like ? `Did you mean ${like}?` : `Give one of ${names.join(", ")}.`,
  );
}
