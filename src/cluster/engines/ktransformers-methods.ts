/** kt-kernel's ways to compute experts on a CPU (its README). */
import type { CpuKind, DeployRequest } from "../serving-engine.ts";

/** How the CPU has the experts: kt-kernel's name, bytes of a value, and where they come from. */
export interface Method {
  readonly name: "AMXINT8" | "LLAMAFILE" | "FP8" | "RAWINT4";
  readonly bytesPerValue: number;
  /** The checkpoint's own weights, so that the GPUs can take a layer of them. */
  readonly isNative: boolean;
}

export function methodOf({ model, cpu = "amx" }: DeployRequest): Method {
  const isInt4 = model.quantisation.startsWith("INT4");
  if (cpu !== "avx2" && isInt4) return { name: "RAWINT4", bytesPerValue: 0.5625, isNative: true };
  const methods: Readonly<Record<CpuKind, Method>> = {
    amx: { name: "AMXINT8", bytesPerValue: 1, isNative: false },
    avx512: { name: "FP8", bytesPerValue: 1, isNative: true },
    avx2: { name: "LLAMAFILE", bytesPerValue: isInt4 ? 0.5625 : 1.0625, isNative: false },
  };
  return methods[cpu];
}

/** Where the weights of the CPU are, if nobody says. */
export function weightsOf({ modelArgument }: DeployRequest, { name, isNative }: Method): string {
  if (isNative) return modelArgument;
  const folder = modelArgument.split("/").findLast(Boolean) ?? "model";
  return name === "AMXINT8" ? `/models/${folder}-AMXINT8` : `/models/${folder}-GGUF`;
}
