/** How a layout cuts the weights and the KV cache: into how many parts, and in how many copies. */
import type { ModelDescription } from "../checkpoint/describe-model.ts";
import type { Component, LayerWeights } from "../checkpoint/describe-weights.ts";

export interface Spread {
  /** All that hold a part of one instance of the model. */
  readonly gpus: number;
  /** Each computes some layers, one after the other. */
  readonly pipelineStages: number;
  /** GPUs that share the heads of a layer; each of them keeps the whole KV cache of MLA. */
  readonly attentionShards: number;
  /** Of dense layers, shared experts and the vocabulary. */
  readonly denseShards: number;
  /** Of the routed experts of a layer, by whole experts or by cutting each. */
  readonly expertShards: number;
  /** Copies of often used experts, beside the model's own, of each layer. */
  readonly redundantExperts: number;
}

/** Caches that hold different requests: the data-parallel ranks. */
export function cacheGroups({ gpus, pipelineStages, attentionShards }: Spread): number {
  return gpus / (pipelineStages * attentionShards);
}

/** Bytes of weights on the fullest GPU. */
export function weightBytesPerGpu(model: ModelDescription, spread: Spread): number {
  const { layers, input, output } = model.weights;
  const perStage = Math.ceil(layers.length / spread.pipelineStages);
  const stages = Array.from({ length: spread.pipelineStages }, (_, stage) => {
    const own = layers.slice(stage * perStage, (stage + 1) * perStage);
    const ends =
      (stage === 0 ? input.bytes : 0) + (stage === spread.pipelineStages - 1 ? output.bytes : 0);
    const vocabulary = ends / spread.denseShards;
    return own.reduce((sum, layer) => sum + layerBytesPerGpu(model, layer, spread), vocabulary);
  });
  return Math.max(...stages);
}

function layerBytesPerGpu(
  model: ModelDescription,
  { parts }: LayerWeights,
  { attentionShards, denseShards, expertShards, redundantExperts }: Spread,
): number {
  const whole = replicatedShare(model);
  const count = model.architecture?.experts?.count ?? 1;
  const shards: Readonly<Record<Component, number>> = {
    attention: 1 / (whole + (1 - whole) / attentionShards),
    norms: 1,
    router: 1,
    other: 1,
    embeddings: denseShards,
    dense: denseShards,
    "shared experts": denseShards,
    experts: expertShards / (1 + redundantExperts / count),
  };
  return Object.entries(parts).reduce(
    (sum, [component, { bytes }]) => sum + bytes / shards[component as Component],
    0,
  );
}

/** Of the attention's weights, those that every shard has: MLA's down-projections come before the heads. */
function replicatedShare({ architecture, weights }: ModelDescription): number {
  if (architecture?.attention.type !== "mla") return 0;
  const { hidden, layers, attention } = architecture;
  const { qLoraRank = 0, kvLoraRank, ropeHeadSize } = attention;
  return (
    (layers * hidden * (qLoraRank + kvLoraRank + ropeHeadSize)) / weights.parts.attention.parameters
  );
}
