/** The command lines that place a model as planned. */
import { schemeTypeOf } from "./describe-quantisation.ts";
import type { ModelDescription } from "./describe-model.ts";
import type { DevicePlan } from "./plan-device.ts";
import type { Placement } from "./plan-placement.ts";

/** Names of routed experts, as llama.cpp's `-ot` and its buffer overrides match them. */
export const expertTensors = String.raw`\.ffn_(up|down|gate|gate_up)_(ch|)exps`;

/** llama.cpp's options (llama-server, llama-cli; k2-facts §4.8, §4.11), without the program and the model. */
export function llamaFlags({ architecture }: ModelDescription, placement: Placement): string[] {
  const { context, gpuLayers, kvType, threads } = placement;
  const rope = architecture?.rope;
  const betas =
    rope?.scaling === "yarn" && rope.betaFast !== undefined
      ? ["--yarn-beta-fast", `${rope.betaFast}`, "--yarn-beta-slow", `${rope.betaSlow ?? 1}`]
      : [];
  return [
    "-c",
    `${context}`,
    "-ngl",
    `${gpuLayers}`,
    ...(architecture?.experts && gpuLayers > 0 ? expertFlags(placement) : []),
    ...splitFlags(placement),
    "-fa",
    "on",
    ...(kvType === "f16" ? [] : ["-ctk", kvType, "-ctv", kvType]), // llama.cpp refuses two types
    "-t",
    `${threads}`,
    ...betas,
  ];
}

/** The experts of the first layers on the CPU; with several GPUs by layer, since their shares have gaps. */
function expertFlags({ devices }: Placement): string[] {
  const cpu = devices.find(({ kind }) => kind === "cpu");
  const gpus = devices.filter(({ kind }) => kind === "gpu");
  const onCpu = cpu?.expertLayers ?? [];
  const onGpu = gpus.flatMap(({ expertLayers }) => expertLayers);
  if (onCpu.length === 0) return [];
  if (onGpu.length === 0) return ["--cpu-moe"];
  const firstOnGpu = Math.min(...onGpu);
  if (onCpu.every((layer) => layer < firstOnGpu)) return ["--n-cpu-moe", `${firstOnGpu}`];
  return [
    ...gpus.flatMap((gpu, index) => (gpu.expertLayers.length > 0 ? overrideFlags(gpu, index) : [])),
    "-ot",
    `${expertTensors}=CPU`,
  ];
}

function overrideFlags({ expertLayers }: DevicePlan, index: number): string[] {
  return ["-ot", String.raw`blk\.(${expertLayers.join("|")})${expertTensors}=CUDA${index}`];
}

/** How many layers each GPU has; the output is the last one's. */
function splitFlags({ devices, gpuLayers }: Placement): string[] {
  const gpus = devices.filter(({ kind }) => kind === "gpu");
  if (gpus.length < 2 || gpuLayers === 0) return [];
  const counts = gpus.map(
    ({ layers }, index) => layers.length + (index === gpus.length - 1 ? 1 : 0),
  );
  return ["-ts", counts.join(",")];
}

export interface KTransformersPlan {
  /** After `python -m`. */
  readonly flags: readonly string[];
  /** What keeps it from running; empty if nothing does. */
  readonly lacks: readonly string[];
}

/**
 * KTransformers' options (its SGLang fork, k2-facts §6.3): the GPUs share everything but the routed experts
 * by tensor parallelism and each hold the KV cache; what is left of them takes experts of every layer.
 */
export function kTransformersFlags(
  model: ModelDescription,
  placement: Placement,
): KTransformersPlan {
  const { architecture, weights, format, location } = model;
  const gpus = placement.devices.filter(({ kind }) => kind === "gpu");
  const experts = architecture?.experts;
  if (!experts || gpus.length === 0) return { flags: [], lacks: [experts ? "a GPU" : "experts"] };
  const nonExperts = weights.total.bytes - weights.parts.experts.bytes;
  const free = gpus.reduce(
    (sum, { capacityBytes, parts }) => sum + capacityBytes - parts.buffers - placement.kvBytes,
    -nonExperts,
  );
  const perExpert = weights.parts.experts.bytes / experts.count;
  const onGpu = Math.max(0, Math.min(experts.count, Math.floor(free / perExpert)));
  const folder = format === "gguf" ? "HF_FOLDER" : location;
  const flags = [
    "sglang.launch_server",
    ["--model", folder],
    ["--kt-weight-path", location],
    ["--kt-method", schemeTypeOf(model)],
    ["--kt-cpuinfer", placement.threads],
    ["--kt-threadpool-count", "NUMA_NODES"],
    ["--kt-num-gpu-experts", onGpu],
    ["--kt-gpu-prefill-token-threshold", 400],
    ["--kt-max-deferred-experts-per-token", 1],
    ["--tensor-parallel-size", gpus.length],
    ["--context-length", placement.context],
    "--trust-remote-code",
    "--disable-shared-experts-fusion",
    ["--tool-call-parser", "kimi_k2"],
  ].flatMap((part) => [part].flat().map(String));
  const cpu = placement.devices.find(({ kind }) => kind === "cpu");
  const inRam = weights.parts.experts.bytes * (1 - onGpu / experts.count);
  const lacks = [
    ...(free < 0 ? [`${(-free / 1e9).toFixed(1)} GB of GPU memory`] : []),
    ...(inRam > (cpu?.capacityBytes ?? 0)
      ? [`${((inRam - (cpu?.capacityBytes ?? 0)) / 1e9).toFixed(1)} GB of RAM`]
      : []),
  ];
  return { flags, lacks };
}
