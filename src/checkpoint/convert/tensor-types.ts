import { ggmlLayout } from "../ggml-types.ts";

/** Output types by name, with ggml's main type and llama.cpp's number of the file type (llama.h, `llama_ftype`). */
export const outputTypes = {
  f32: { main: "F32", fileType: 0 },
  f16: { main: "F16", fileType: 1 },
  bf16: { main: "BF16", fileType: 32 },
  q8_0: { main: "Q8_0", fileType: 7 },
  q4_0: { main: "Q4_0", fileType: 2 },
  q2_k: { main: "Q2_K", fileType: 10 },
  q3_k_m: { main: "Q3_K", fileType: 12 },
  q4_k_m: { main: "Q4_K", fileType: 15 },
  q5_k_m: { main: "Q5_K", fileType: 17 },
  q6_k: { main: "Q6_K", fileType: 18 },
} as const;

export type OutputType = keyof typeof outputTypes;

interface TypedTensor {
  readonly name: string;
  /** Fastest-varying first. */
  readonly dimensions: readonly number[];
}

interface MixedModel {
  readonly layers: number;
  readonly experts: number;
  /** Whether there is no output.weight, so that the embeddings serve as it. */
  readonly hasTiedEmbeddings: boolean;
}

/**
 * ggml's type for a tensor in a file of an output type: the rules of llama.cpp's convert_hf_to_gguf.py and
 * of llama-quantize (`src/llama-quant.cpp` of v0.5.0, k2-facts §4.7) without an importance matrix. One
 * difference: `attn_k_b` and `attn_v_b` are BF16 in all but F32, since AMX machines compute wrongly or die
 * with anything else (k2-facts §4.9).
 */
export function tensorType(tensor: TypedTensor, output: OutputType, model: MixedModel): string {
  const { name, dimensions } = tensor;
  const { main } = outputTypes[output];
  if (dimensions.length < 2 || !name.endsWith(".weight") || /_norm\.|ffn_gate_inp\./.test(name))
    return "F32";
  if (main === "F32") return main;
  if (/attn_[kv]_b\.weight$/.test(name)) return "BF16";
  if (main === "F16" || main === "BF16") return main;
  return fitting(mixedType(tensor, output, model), dimensions[0] ?? 0);
}

function mixedType(
  { name, dimensions }: TypedTensor,
  output: OutputType,
  model: MixedModel,
): string {
  const { main } = outputTypes[output];
  if (main === "Q8_0") return main;
  if (name === "output.weight" || (name === "token_embd.weight" && model.hasTiedEmbeddings))
    return fits(main, dimensions[0] ?? 0) ? "Q6_K" : "Q8_0";
  if (name.includes("ffn_down")) return downType(layerOf(name), output, model);
  if (name.includes("attn_output.weight")) return attentionOutputType(output, model);
  return main;
}

function downType(layer: number, output: OutputType, { layers }: MixedModel): string {
  const { main } = outputTypes[output];
  const eighth = Math.trunc(layers / 8);
  const hasMoreBits =
    layer < eighth || layer >= Math.trunc((7 * layers) / 8) || (layer - eighth) % 3 === 2;
  if (output === "q2_k") return "Q3_K";
  if (output === "q3_k_m") return layer < Math.trunc(layers / 16) ? "Q5_K" : "Q4_K";
  if (output === "q4_k_m" || output === "q5_k_m") return hasMoreBits ? "Q6_K" : main;
  return main;
}

/** Eight experts were Mixtral, for which llama.cpp spends more here. */
function attentionOutputType(output: OutputType, { experts }: MixedModel): string {
  const { main } = outputTypes[output];
  if (experts === 8) return ["q2_k", "q3_k_m", "q4_k_m"].includes(output) ? "Q5_K" : main;
  if (output === "q2_k") return "Q3_K";
  return output === "q3_k_m" ? "Q4_K" : main;
}

const fallbacks: Readonly<Record<string, string>> = {
  Q2_K: "Q4_0",
  Q3_K: "Q4_0",
  Q4_K: "Q5_0",
  Q5_K: "Q5_1",
  Q6_K: "Q8_0",
};

/** The type itself if rows are whole blocks of it, else the next that fits. */
function fitting(type: string, columns: number): string {
  if (fits(type, columns)) return type;
  const smaller = fallbacks[type];
  return smaller !== undefined && fits(smaller, columns) ? smaller : "F16";
}

function fits(type: string, columns: number): boolean {
  return columns % ggmlLayout(type).blockSize === 0;
}

function layerOf(name: string): number {
  return Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0);
}
