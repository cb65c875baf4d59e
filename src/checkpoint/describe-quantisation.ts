/** Quantisation schemes by the names that others give them. */
import type { ModelDescription } from "./describe-model.ts";
import type { Component, LayerWeights, Part, Weights } from "./describe-weights.ts";
import { ggmlBytesPerValue } from "./ggml-types.ts";
import { usageError } from "../errors.ts";

/** KTransformers' `--kt-method` for weights as they are (k2-facts §6.3). */
export function schemeTypeOf({ format, quantisation }: ModelDescription): string {
  if (format === "gguf") return "LLAMAFILE";
  if (quantisation.startsWith("FP8")) return "FP8";
  return quantisation.startsWith("INT4") ? "RAWINT4" : "BF16";
}

/**
 * The model as if every weight were converted to a type: what a plan needs before there is a file.
 * @throws KimiError for a type that llama.cpp has not.
 */
export function asType(model: ModelDescription, type: string): ModelDescription {
  // Of a mixed type (Q4_K_M) the plain one is most of it.
  const each = ggmlBytesPerValue(type) ?? ggmlBytesPerValue(type.replace(/_[SML]$/i, ""));
  if (each === undefined)
    throw usageError(
      `there is no type ${type}`,
      "Give one of q8_0, q6_k, q5_k, q4_k, q3_k, q2_k, bf16.",
    );
  const convert = ({ parameters }: Part): Part => ({ parameters, bytes: parameters * each });
  const convertAll = (parts: LayerWeights["parts"]): LayerWeights["parts"] =>
    Object.fromEntries(
      Object.entries(parts).map(([component, part]) => [component, convert(part)]),
    ) as Record<Component, Part>;
  const { weights, architecture } = model;
  const converted: Weights = {
    parts: convertAll(weights.parts),
    types: [],
    layers: weights.layers.map(({ layer, parts }) => ({ layer, parts: convertAll(parts) })),
    input: convert(weights.input),
    output: convert(weights.output),
    total: convert(weights.total),
  };
  const { used = 1, count = 1 } = architecture?.experts ?? {};
  return {
    ...model,
    weights: converted,
    quantisation: type.toUpperCase(),
    activeExpertBytes: (converted.parts.experts.bytes * used) / count,
  };
}
