import { expect, test } from "vitest";
import { tensorType, type OutputType } from "../../../src/checkpoint/convert/tensor-types.ts";

/** Kimi-K2-Instruct's layers and experts. */
const k2 = { layers: 61, experts: 384, hasTiedEmbeddings: false };

const shapes: Readonly<Record<string, readonly number[]>> = {
  "token_embd.weight": [7168, 163_840],
  "output.weight": [7168, 163_840],
  "output_norm.weight": [7168],
  "blk.9.attn_q_a.weight": [7168, 1536],
  "blk.9.attn_k_b.weight": [128, 512, 64],
  "blk.9.attn_v_b.weight": [512, 128, 64],
  "blk.9.attn_output.weight": [8192, 7168],
  "blk.9.ffn_gate_inp.weight": [7168, 384],
  "blk.9.exp_probs_b.bias": [384],
  "blk.9.ffn_up_exps.weight": [7168, 2048, 384],
  "blk.2.ffn_down_exps.weight": [2048, 7168, 384],
  "blk.9.ffn_down_exps.weight": [2048, 7168, 384],
  "blk.10.ffn_down_exps.weight": [2048, 7168, 384],
  "blk.53.ffn_down_shexp.weight": [2048, 7168],
};

/** In the order of the shapes; what llama-quantize of v0.5.0 gives, but for attn_k_b and attn_v_b. */
test.each<[OutputType, string]>([
  ["f32", "F32 F32 F32 F32 F32 F32 F32 F32 F32 F32 F32 F32 F32 F32"],
  ["f16", "F16 F16 F32 F16 BF16 BF16 F16 F32 F32 F16 F16 F16 F16 F16"],
  ["bf16", "BF16 BF16 F32 BF16 BF16 BF16 BF16 F32 F32 BF16 BF16 BF16 BF16 BF16"],
  ["q8_0", "Q8_0 Q8_0 F32 Q8_0 BF16 BF16 Q8_0 F32 F32 Q8_0 Q8_0 Q8_0 Q8_0 Q8_0"],
  ["q4_0", "Q4_0 Q6_K F32 Q4_0 BF16 BF16 Q4_0 F32 F32 Q4_0 Q4_0 Q4_0 Q4_0 Q4_0"],
  ["q6_k", "Q6_K Q6_K F32 Q6_K BF16 BF16 Q6_K F32 F32 Q6_K Q6_K Q6_K Q6_K Q6_K"],
  ["q5_k_m", "Q5_K Q6_K F32 Q5_K BF16 BF16 Q5_K F32 F32 Q5_K Q6_K Q6_K Q5_K Q6_K"],
  ["q4_k_m", "Q4_K Q6_K F32 Q4_K BF16 BF16 Q4_K F32 F32 Q4_K Q6_K Q6_K Q4_K Q6_K"],
  ["q3_k_m", "Q3_K Q6_K F32 Q3_K BF16 BF16 Q4_K F32 F32 Q3_K Q5_K Q4_K Q4_K Q4_K"],
  ["q2_k", "Q2_K Q6_K F32 Q2_K BF16 BF16 Q3_K F32 F32 Q2_K Q3_K Q3_K Q3_K Q3_K"],
])("%s of K2 mixes types as llama-quantize does", (output, expected) => {
  const types = Object.entries(shapes).map(([name, dimensions]) =>
    tensorType({ name, dimensions }, output, k2),
  );
  expect(types.join(" ")).toBe(expected);
});

test.each<[OutputType, string]>([
  ["q2_k", "Q5_K"],
  ["q3_k_m", "Q5_K"],
  ["q4_k_m", "Q5_K"],
  ["q5_k_m", "Q5_K"],
  ["q6_k", "Q6_K"],
  ["q4_0", "Q4_0"],
])("with eight experts %s has attn_output in %s", (output, expected) => {
  const tensor = { name: "blk.1.attn_output.weight", dimensions: [256, 256] };
  expect(tensorType(tensor, output, { ...k2, experts: 8 })).toBe(expected);
});

test.each<[OutputType, number, string]>([
  ["q2_k", 128, "Q4_0"],
  ["q3_k_m", 96, "Q4_0"],
  ["q4_k_m", 128, "Q5_0"],
  ["q5_k_m", 128, "Q5_1"],
  ["q6_k", 128, "Q8_0"],
  ["q6_k", 100, "F16"],
  ["q8_0", 100, "F16"],
  ["q4_0", 100, "F16"],
])("rows that are no whole blocks of %s, of %i values, become %s", (output, columns, expected) => {
  const tensor = { name: "blk.0.ffn_up.weight", dimensions: [columns, 64] };
  expect(tensorType(tensor, output, k2)).toBe(expected);
});

test("embeddings that serve as the output have its type", () => {
  const tensor = { name: "token_embd.weight", dimensions: [256, 512] };
  expect(tensorType(tensor, "q4_k_m", { ...k2, hasTiedEmbeddings: true })).toBe("Q6_K");
  const narrow = { name: "token_embd.weight", dimensions: [160, 512] };
  expect(tensorType(narrow, "q4_k_m", { ...k2, hasTiedEmbeddings: true })).toBe("Q8_0");
});
