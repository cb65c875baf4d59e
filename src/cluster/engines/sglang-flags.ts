/** What SGLang's layouts have in common. */
import type { Choice, DeployRequest } from "../serving-engine.ts";

export const sglangProgram = ["python", "-m", "sglang.launch_server"] as const;
export const sglangCommand = sglangProgram.join(" ");

/** Attention with a cache of its own on each of so many ranks, which are all of tensor parallelism's. */
export function dataParallelAttention({ hasFlag }: DeployRequest, ranks: number): string[] {
  return hasFlag(sglangCommand, "--attn-dp-size")
    ? ["--tp-size", `${ranks}`, "--attn-dp-size", `${ranks}`]
    : ["--tp-size", `${ranks}`, "--dp-size", `${ranks}`, "--enable-dp-attention"];
}

/** Flags of what was asked for, whatever the layout. */
export function valueFlags(
  { servedName, kvCache, modelType }: DeployRequest,
  { context, isContextSet }: Choice,
): string[] {
  return [
    ["--served-model-name", servedName],
    ...(isContextSet ? [["--context-length", `${context}`]] : []),
    ...(kvCache === "fp8" ? [["--kv-cache-dtype", "fp8_e4m3"]] : []),
    ...(modelType === undefined
      ? []
      : [["--json-model-override-args", JSON.stringify({ model_type: modelType })]]),
  ].flat();
}
