/** Which tensor is which part of the model, and what the parts weigh. */
import type { TensorHead } from "./checkpoint-head.ts";

export const components = [
  "embeddings",
  "attention",
  "dense",
  "experts",
  "shared experts",
  "router",
  "norms",
  "other",
] as const;

export type Component = (typeof components)[number];

export interface Part {
  readonly parameters: number;
  readonly bytes: number;
}

export interface TypeCount {
  /** `Q8_0`, `F8_E4M3`, `INT4`. */
  readonly type: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
}

export interface LayerWeights {
  readonly layer: number;
  readonly parts: Readonly<Record<Component, Part>>;
}

export interface Weights {
  readonly parts: Readonly<Record<Component, Part>>;
  readonly types: readonly TypeCount[];
  readonly layers: readonly LayerWeights[];
  /** The table that tokens are looked up in. */
  readonly input: Part;
  /** What makes logits: the output matrix and the last norm. */
  readonly output: Part;
  readonly total: Part;
}

/** Both naming schemes: GGUF's (k2-facts §4.4) and Hugging Face's (§1.3). */
function componentOf(name: string): Component {
  if (
    /(^|\.)(vision|vision_tower|mm_projector|multi_modal_projector)\./.test(name) ||
    name.startsWith("v.")
  )
    return "other";
  if (/^(token_embd|output)\.|embed_tokens\.|lm_head\./.test(name)) return "embeddings";
  if (/_norm\.|norm\.weight$|layernorm\./.test(name)) return "norms";
  if (/ffn_gate_inp|exp_probs_b|mlp\.gate\.|block_sparse_moe\.gate\./.test(name)) return "router";
  if (/_shexp\.|shared_experts?\./.test(name)) return "shared experts";
  if (/_exps\.|\.experts\./.test(name)) return "experts";
  if (/\.attn_|self_attn\.|\.attention\./.test(name)) return "attention";
  return /\.ffn_|\.mlp\./.test(name) ? "dense" : "other";
}

/** A scale or a shape belongs to a weight and is no parameter of its own. */
const isScale = (name: string): boolean => /\.weight_(scale_inv|scale|shape)$/.test(name);
const isPacked = (name: string): boolean => name.endsWith(".weight_packed");

/** Values in an int32 of packed INT4. */
const nibbles = 8;

/** Parameters of all that a tensor stands for. */
function parametersOf({ name, shape, count }: TensorHead): number {
  if (isScale(name)) return 0;
  const values = shape.reduce((product, size) => product * size, count);
  return isPacked(name) ? values * nibbles : values;
}

function layerOf(name: string): number | undefined {
  const layer = /(?:^|\.)(?:blk|layers)\.(\d+)\./.exec(name)?.[1];
  return layer === undefined ? undefined : Number(layer);
}

export function weighTensors(tensors: readonly TensorHead[]): Weights {
  const parts = emptyParts();
  const types = new Map<string, Sum & { tensors: number }>();
  const layers = new Map<number, Record<Component, Sum>>();
  const [input, output, total]: [Sum, Sum, Sum] = [zero(), zero(), zero()];
  for (const tensor of tensors) {
    const component = componentOf(tensor.name);
    const parameters = parametersOf(tensor);
    const bytes = (tensor.sizeBytes ?? 0) * tensor.count;
    const add = (sum: Sum): void => void ((sum.parameters += parameters), (sum.bytes += bytes));
    add(total);
    add(parts[component]);
    if (/^token_embd|embed_tokens\./.test(tensor.name)) add(input);
    if (/^output(_norm)?\.|lm_head\.|model\.norm\./.test(tensor.name)) add(output);
    const name = isPacked(tensor.name) ? "INT4" : isScale(tensor.name) ? "scales" : tensor.type;
    const type = types.get(name) ?? { ...zero(), tensors: 0 };
    add(type);
    type.tensors += tensor.count;
    types.set(name, type);
    const layer = layerOf(tensor.name);
    if (layer === undefined || component === "other") continue;
    const own = layers.get(layer) ?? emptyParts();
    add(own[component]);
    layers.set(layer, own);
  }
  return {
    parts,
    types: [...types].map(([type, sum]) => ({ type, ...sum })).sort((a, b) => b.bytes - a.bytes),
    layers: [...layers]
      .map(([layer, parts]) => ({ layer, parts }))
      .sort((a, b) => a.layer - b.layer),
    input,
    output,
    total,
  };
}

interface Sum {
  parameters: number;
  bytes: number;
}

const emptyParts = (): Record<Component, Sum> =>
  Object.fromEntries(components.map((component) => [component, zero()])) as Record<Component, Sum>;

const zero = (): Sum => ({ parameters: 0, bytes: 0 });
