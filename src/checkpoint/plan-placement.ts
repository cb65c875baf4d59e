/** Which part of a model goes to which device, as llama.cpp can be told to place it. */
import { kvBytesPerToken, computeBytes, type KvType } from "./describe-memory.ts";
import type { ModelDescription } from "./describe-model.ts";
import type { LayerWeights } from "./describe-weights.ts";
import { KimiError } from "../errors.ts";
import { PlannedDevice, type DevicePlan } from "./plan-device.ts";

export interface PlanGpu {
  readonly name: string;
  readonly memoryBytes: number;
  /** Bytes a second; taken from its name, or assumed, if left out. */
  readonly bandwidth?: number | undefined;
}

export interface PlanRequest {
  readonly model: ModelDescription;
  /** Tokens. */
  readonly context: number;
  readonly gpus: readonly PlanGpu[];
  readonly ramBytes: number;
  /** Bytes a second; assumed if left out. */
  readonly ramBandwidth?: number | undefined;
  readonly threads: number;
  readonly kvType: KvType;
  /** The experts of so many first layers stay on the CPU; as few as fit if left out. */
  readonly nCpuMoe?: number | undefined;
  /** So many last layers go to GPUs, the output counted as one; as many as fit if left out. */
  readonly gpuLayers?: number | undefined;
}

export interface Placement {
  readonly context: number;
  readonly kvType: KvType;
  readonly threads: number;
  /** GPUs in their order, then the CPU. */
  readonly devices: readonly DevicePlan[];
  readonly fits: boolean;
  /** llama.cpp's `-ngl`: last layers on GPUs, and one more with the output. */
  readonly gpuLayers: number;
  readonly kvBytes: number;
}

/** What the driver and its libraries take of a GPU, and the system of RAM: assumed. */
const gpuReserve = 600 << 20;
const ramReserve = 2 * 2 ** 30;

/**
 * Attention, dense layers, shared experts, router and KV cache go to the GPUs first, as many last layers
 * as fit; then as many layers' experts as still do, each on the GPU of its layer. The rest and the table of
 * embeddings, which llama.cpp always keeps there, is the CPU's.
 * @throws KimiError for a model of which too little is known.
 */
export function planPlacement(request: PlanRequest): Placement {
  const { model, context, kvType, gpus, threads } = request;
  const { architecture, weights } = model;
  if (!architecture || weights.layers.length === 0) {
    throw new KimiError(`of ${model.location} is not known what its layers weigh`, {
      code: "no-plan",
      hint: "Give a GGUF file, or a folder with config.json.",
    });
  }
  const site: Site = {
    request,
    layers: weights.layers,
    kvPerLayer: (kvBytesPerToken(architecture, kvType) * context) / architecture.layers,
    buffers: computeBytes(architecture, context),
  };
  const most = gpus.length === 0 ? 0 : weights.layers.length + 1;
  let gpuLayers = Math.min(request.gpuLayers ?? most, most);
  let devices = place(site, gpuLayers);
  const isOver = (): boolean =>
    devices.some(({ kind, missingBytes }) => kind === "gpu" && missingBytes > 0);
  while (request.gpuLayers === undefined && gpuLayers > 0 && isOver())
    devices = place(site, --gpuLayers);
  return {
    context,
    kvType,
    threads,
    devices,
    fits: devices.every(({ missingBytes }) => missingBytes === 0),
    gpuLayers,
    kvBytes: kvBytesPerToken(architecture, kvType) * context,
  };
}

interface Site {
  readonly request: PlanRequest;
  readonly layers: readonly LayerWeights[];
  readonly kvPerLayer: number;
  readonly buffers: number;
}

function place(site: Site, gpuLayers: number): DevicePlan[] {
  const { layers, request } = site;
  const { gpus, model } = request;
  const firstOnGpu = Math.max(0, layers.length + 1 - gpuLayers);
  const ranges = shareLayers(site, layers.slice(firstOnGpu));
  const onGpu = gpus.map((gpu, index) => {
    const own = ranges[index] ?? [];
    const isLast = index === gpus.length - 1;
    const device = new PlannedDevice({
      kvPerLayer: site.kvPerLayer,
      kind: "gpu",
      name: gpu.name,
      capacity: gpu.memoryBytes,
    });
    if (gpuLayers > 0) device.add("buffers", site.buffers + gpuReserve);
    if (isLast && gpuLayers > 0) device.add("embeddings", model.weights.output.bytes);
    for (const layer of own) device.addLayer(layer);
    addExperts(device, own.toReversed(), request.nCpuMoe);
    return device;
  });
  const cpu = new PlannedDevice({
    kvPerLayer: site.kvPerLayer,
    kind: "cpu",
    name: "CPU",
    capacity: request.ramBytes,
  });
  cpu.add("buffers", ramReserve + (gpus.length === 0 || gpuLayers === 0 ? site.buffers : 0));
  cpu.add(
    "embeddings",
    model.weights.input.bytes + (gpuLayers > 0 ? 0 : model.weights.output.bytes),
  );
  for (const layer of layers.slice(0, firstOnGpu)) cpu.addLayer(layer);
  const taken = new Set(onGpu.flatMap(({ expertLayers }) => expertLayers));
  for (const layer of layers) if (!taken.has(layer.layer)) cpu.addExperts(layer);
  return [
    ...onGpu.map((device, index) => device.plan(gpus[index]?.bandwidth)),
    cpu.plan(request.ramBandwidth),
  ];
}

/** Consecutive layers for each GPU, in proportion to its memory. */
function shareLayers(
  { request }: Site,
  layers: readonly LayerWeights[],
): (readonly LayerWeights[])[] {
  const { gpus } = request;
  const total = gpus.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  let sum = 0;
  let start = 0;
  return gpus.map(({ memoryBytes }) => {
    sum += memoryBytes;
    const end = Math.round((layers.length * sum) / total);
    const own = layers.slice(start, end);
    start = end;
    return own;
  });
}

/** From the last layer on, so that with one GPU it is the first layers that stay on the CPU. */
function addExperts(
  device: PlannedDevice,
  layers: readonly LayerWeights[],
  nCpuMoe: number | undefined,
): void {
  for (const layer of layers) {
    const bytes = layer.parts.experts.bytes;
    if (bytes === 0) continue;
    if (nCpuMoe === undefined ? bytes > device.freeBytes : layer.layer < nCpuMoe) return;
    device.addExperts(layer);
  }
}
