/** What `kimi models plan` is told of a machine. */
import { kvTypes, type KvType } from "../checkpoint/describe-memory.ts";
import type { ModelDescription } from "../checkpoint/describe-model.ts";
import type { PlanGpu } from "../checkpoint/plan-placement.ts";
import { usageError } from "../errors.ts";
import { parseSize } from "../plain-text.ts";

/** What llama.cpp would be given of a checkpoint: the type that loses least. */
export function convertedType({ format, quantisation }: ModelDescription): string | undefined {
  if (format === "gguf") return undefined;
  return quantisation.startsWith("INT4") ? "Q4_0" : "Q8_0";
}

export function parseGpus(text: string): PlanGpu[] {
  if (text === "none" || text === "0") return [];
  return text.split(",").map((one, index) => {
    const [size = "", bandwidth] = one.split("@");
    const speed = bandwidth === undefined ? undefined : Number(bandwidth) * 1e9;
    if (speed !== undefined && !(speed > 0))
      throw usageError(`--gpu-memory has no bandwidth ${bandwidth}`, "Write 24G@1008 for GB/s.");
    return {
      name: `GPU ${index}`,
      memoryBytes: requireSize(size, "--gpu-memory"),
      bandwidth: speed,
    };
  });
}

export function requireSize(text: string, option: string): number {
  const size = parseSize(text);
  if (size === undefined)
    throw usageError(`${option} ${text} is no size`, "Write 24G, or 24G,24G for two GPUs.");
  return size;
}

export function requireKvType(text: string): KvType {
  const type = kvTypes.find((known) => known === text.toLowerCase());
  if (!type) throw usageError(`--kv-type ${text} is none`, `Give one of ${kvTypes.join(", ")}.`);
  return type;
}
