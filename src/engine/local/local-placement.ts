import { totalmem } from "node:os";
import type { KvType } from "../../checkpoint/describe-memory.ts";
import type { ModelDescription } from "../../checkpoint/describe-model.ts";
import { layersText } from "../../checkpoint/plan-device.ts";
import { expertTensors } from "../../checkpoint/plan-flags.ts";
import { planPlacement, type Placement, type PlanGpu } from "../../checkpoint/plan-placement.ts";
import { configurationError, KimiError } from "../../errors.ts";

/** How a local model is to be placed; what is left out is chosen. */
export interface PlacementOptions {
  /** Tokens. */
  readonly contextSize?: number;
  /** Last layers on the GPUs, the output counted as one. */
  readonly gpuLayers?: number;
  /** First layers whose experts stay on the CPU. */
  readonly nCpuMoe?: number | "all";
  readonly kvType?: "f16" | "q8_0" | "f32" | "bf16";
  readonly flashAttention?: boolean;
  readonly mmap?: boolean;
  readonly mlock?: boolean;
}

/** What llama.cpp is told. */
export interface LocalPlacement {
  readonly gpuLayers: number;
  /** Tensors that stay on the CPU though their layer is on a GPU: regular expressions of C++ (ECMAScript). */
  readonly cpuTensorPatterns: readonly string[];
  /** Tokens; left to the bindings, by the memory that is free, if left out. */
  readonly contextSize?: number;
  /** What was chosen, for people. */
  readonly summary: string;
  /** What will be slow or fail. */
  readonly warning?: string;
}

export interface Machine {
  /** With the memory that is free. */
  readonly gpus: readonly PlanGpu[];
  readonly ramBytes: number;
  readonly threads: number;
  /** Why experts can't be placed apart from their layers; `undefined` if they can. */
  readonly addonMissing: string | undefined;
}

/** The CPU's memory, or what a container may use of it. */
export function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

const usualContext = 32_768;

/**
 * The planner's placement as llama.cpp's bindings take it: the same that `kimi models plan` shows. Without
 * the native addon whole layers go to the GPUs, their experts with them.
 * @throws KimiError for a wish that this machine can't fulfil.
 */
export function placeLocally(
  model: ModelDescription,
  options: PlacementOptions,
  machine: Machine,
): LocalPlacement {
  const { gpus, addonMissing } = machine;
  requirePossible(options, machine);
  const trained = model.architecture?.context || usualContext;
  const context = options.contextSize ?? Math.min(usualContext, trained);
  const kvType: KvType = options.kvType ?? "f16";
  const nCpuMoe = options.nCpuMoe === "all" ? Number.POSITIVE_INFINITY : options.nCpuMoe;
  const placement = planPlacement({
    model,
    context,
    gpus,
    ramBytes: machine.ramBytes,
    threads: machine.threads,
    kvType,
    ...(options.gpuLayers === undefined ? {} : { gpuLayers: options.gpuLayers }),
    // Whole layers: none of their experts stays behind.
    ...(addonMissing === undefined ? (nCpuMoe === undefined ? {} : { nCpuMoe }) : { nCpuMoe: 0 }),
  });
  const isOnGpu = gpus.length > 0 && placement.gpuLayers > 0;
  const warning = warningOf(placement);
  return {
    gpuLayers: placement.gpuLayers,
    cpuTensorPatterns: isOnGpu ? patterns(model, placement) : [],
    ...(isOnGpu ? { contextSize: context } : {}),
    ...(options.contextSize === undefined ? {} : { contextSize: options.contextSize }),
    summary: summaryOf(placement, model),
    ...(warning === undefined ? {} : { warning }),
  };
}

function requirePossible({ gpuLayers, nCpuMoe }: PlacementOptions, machine: Machine): void {
  if (machine.gpus.length === 0 && (gpuLayers ?? 0) > 0) {
    throw new KimiError(`there is no GPU for --gpu-layers ${gpuLayers}`, {
      code: "no-gpu",
      hint: "Leave it out, or check the driver: llama.cpp looks for CUDA, Vulkan and Metal.",
    });
  }
  if (machine.addonMissing !== undefined && nCpuMoe !== undefined && machine.gpus.length > 0) {
    throw configurationError(
      `--n-cpu-moe needs the native addon, which is not there: ${machine.addonMissing}`,
      "Leave it out: whole layers go to the GPU, as many as fit.",
    );
  }
}

/** The experts that stay on the CPU while the rest of their layer is on a GPU. */
function patterns({ weights }: ModelDescription, { devices }: Placement): string[] {
  const gpus = devices.filter(({ kind }) => kind === "gpu");
  const withExperts = new Set(
    weights.layers.filter(({ parts }) => parts.experts.bytes > 0).map(({ layer }) => layer),
  );
  const onGpu = new Set(gpus.flatMap(({ expertLayers }) => expertLayers));
  const apart = gpus
    .flatMap(({ layers }) => layers)
    .filter((layer) => withExperts.has(layer) && !onGpu.has(layer));
  if (apart.length === 0) return [];
  return [onGpu.size === 0 ? expertTensors : `blk\\.(${apart.join("|")})${expertTensors}`];
}

/** One line: `GPU 0 (NVIDIA H100): layers 0-60, experts of none; …`. */
function summaryOf(placement: Placement, { architecture }: ModelDescription): string {
  const parts = placement.devices.flatMap(({ name, kind, layers, expertLayers }) => {
    const what = [
      ...(layers.length > 0 ? [layersText(layers)] : []),
      ...(architecture?.experts && expertLayers.length > 0
        ? [`experts of ${layersText(expertLayers)}`]
        : []),
    ];
    if (what.length === 0) return [];
    return [`${kind === "cpu" ? "CPU" : name}: ${what.join(" and ")}`];
  });
  const { kvType, threads, context } = placement;
  return `${parts.join("; ")}; context ${context}, KV cache ${kvType}, ${threads} thread${threads === 1 ? "" : "s"}`;
}

function warningOf({ devices }: Placement): string | undefined {
  const over = devices.find(({ missingBytes }) => missingBytes > 0);
  if (!over) return undefined;
  const missing = `${(over.missingBytes / 2 ** 30).toFixed(1)} GiB`;
  return over.kind === "cpu"
    ? `the memory is ${missing} too small for this model: it will be read from disk again and again`
    : `${over.name} is ${missing} too small for what is to go there`;
}
