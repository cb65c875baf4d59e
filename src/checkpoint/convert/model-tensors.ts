import type { CheckpointTensor } from "../safetensors.ts";
import type { ModelConfig } from "./model-config.ts";
import { badTensor, WeightFinder, type WeightSource } from "./weight-source.ts";

/** Rows of a checkpoint's matrix that become the next rows of a tensor. */
export interface Slab {
  readonly source: WeightSource;
  readonly firstRow: number;
  readonly rowCount: number;
  /** The columns become the rows. */
  readonly isTransposed: boolean;
}

/** A tensor of the GGUF file, and what of the checkpoint it is made of, in order. */
export interface ModelTensor {
  readonly name: string;
  /** Fastest-varying first, as ggml has them. */
  readonly dimensions: readonly number[];
  readonly slabs: readonly Slab[];
}

/**
 * The tensors of llama.cpp's `deepseek2` architecture (k2-facts §4.4), in the order in which llama.cpp
 * creates them: what is outside the layers, then layer by layer.
 * @throws KimiError naming a tensor that is missing, does not fit config.json, or has no place in the model.
 */
export function modelTensors(
  config: ModelConfig,
  tensors: ReadonlyMap<string, CheckpointTensor>,
): ModelTensor[] {
  const finder = new WeightFinder(tensors, config.weightFormat);
  const { hiddenSize, vocabularySize, layers } = config;
  const outer = [
    matrix("token_embd", finder.matrix("model.embed_tokens.weight", vocabularySize, hiddenSize)),
    vector("output_norm.weight", finder.vector("model.norm.weight", hiddenSize)),
    ...(config.hasTiedEmbeddings
      ? []
      : [matrix("output", finder.matrix("lm_head.weight", vocabularySize, hiddenSize))]),
  ];
  const inner = Array.from({ length: layers }, (_, layer) => layerTensors(config, finder, layer));
  const foreign = finder.unused().find((name) => !isLeftOut(name, config));
  if (foreign !== undefined) throw badTensor(foreign, "it has no place in this architecture");
  return [...outer, ...inner.flat()];
}

/** What llama.cpp's converter leaves out, too: the vision part, layers that predict further tokens, caches. */
function isLeftOut(name: string, { layers, hasTiedEmbeddings }: ModelConfig): boolean {
  const layer = /(?:^|\.)model\.layers\.(\d+)\./.exec(name)?.[1];
  return (
    (layer !== undefined && Number(layer) >= layers) ||
    /(^|\.)(vision_tower|mm_projector|vision_model)\./.test(name) ||
    /\.(rotary_emb\.inv_freq|activation_scale|input_scale|k_scale|v_scale)$/.test(name) ||
    (hasTiedEmbeddings && name.endsWith("lm_head.weight"))
  );
}

function layerTensors(config: ModelConfig, finder: WeightFinder, layer: number): ModelTensor[] {
  const { hiddenSize, denseLayers } = config;
  const from = `model.layers.${layer}`;
  const to = `blk.${layer}`;
  return [
    vector(`${to}.attn_norm.weight`, finder.vector(`${from}.input_layernorm.weight`, hiddenSize)),
    vector(
      `${to}.ffn_norm.weight`,
      finder.vector(`${from}.post_attention_layernorm.weight`, hiddenSize),
    ),
    ...attentionTensors({ config, finder, from: `${from}.self_attn`, to }),
    ...(layer < denseLayers
      ? gatedTensors({ config, finder, from: `${from}.mlp`, to }, "", config.intermediateSize)
      : expertTensors({ config, finder, from: `${from}.mlp`, to })),
  ];
}

interface Part {
  readonly config: ModelConfig;
  readonly finder: WeightFinder;
  /** Prefixes of the names in the checkpoint and in the file. */
  readonly from: string;
  readonly to: string;
}

function attentionTensors({ config, finder, from, to }: Part): ModelTensor[] {
  const { hiddenSize, heads, queryRank, keyValueRank, nopeSize, ropeSize, valueSize } = config;
  const querySize = heads * (nopeSize + ropeSize);
  const query =
    queryRank === undefined
      ? [matrix(`${to}.attn_q`, finder.matrix(`${from}.q_proj.weight`, querySize, hiddenSize))]
      : [
          matrix(`${to}.attn_q_a`, finder.matrix(`${from}.q_a_proj.weight`, queryRank, hiddenSize)),
          vector(
            `${to}.attn_q_a_norm.weight`,
            finder.vector(`${from}.q_a_layernorm.weight`, queryRank),
          ),
          matrix(`${to}.attn_q_b`, finder.matrix(`${from}.q_b_proj.weight`, querySize, queryRank)),
        ];
  const compressed = finder.matrix(
    `${from}.kv_a_proj_with_mqa.weight`,
    keyValueRank + ropeSize,
    hiddenSize,
  );
  const norm = finder.vector(`${from}.kv_a_layernorm.weight`, keyValueRank);
  const expanded = finder.matrix(
    `${from}.kv_b_proj.weight`,
    heads * (nopeSize + valueSize),
    keyValueRank,
  );
  const output = finder.matrix(`${from}.o_proj.weight`, hiddenSize, heads * valueSize);
  return [
    ...query,
    matrix(`${to}.attn_kv_a_mqa`, compressed),
    vector(`${to}.attn_kv_a_norm.weight`, norm),
    ...keyValueTensors(config, expanded, to),
    matrix(`${to}.attn_output`, output),
  ];
}

/** Each head's rows of kv_b_proj are its keys, which are transposed, then its values: what llama.cpp multiplies with when it absorbs them. */
function keyValueTensors(
  { heads, keyValueRank, nopeSize, valueSize }: ModelConfig,
  source: WeightSource,
  to: string,
): ModelTensor[] {
  const slabs = (first: number, rowCount: number, isTransposed: boolean): Slab[] =>
    Array.from({ length: heads }, (_, head) => ({
      source,
      firstRow: head * (nopeSize + valueSize) + first,
      rowCount,
      isTransposed,
    }));
  return [
    {
      name: `${to}.attn_k_b.weight`,
      dimensions: [nopeSize, keyValueRank, heads],
      slabs: slabs(0, nopeSize, true),
    },
    {
      name: `${to}.attn_v_b.weight`,
      dimensions: [keyValueRank, valueSize, heads],
      slabs: slabs(nopeSize, valueSize, false),
    },
  ];
}

function gatedTensors(
  { config, finder, from, to }: Part,
  suffix: string,
  size: number,
): ModelTensor[] {
  const { hiddenSize } = config;
  return [
    matrix(`${to}.ffn_gate${suffix}`, finder.matrix(`${from}.gate_proj.weight`, size, hiddenSize)),
    matrix(`${to}.ffn_up${suffix}`, finder.matrix(`${from}.up_proj.weight`, size, hiddenSize)),
    matrix(`${to}.ffn_down${suffix}`, finder.matrix(`${from}.down_proj.weight`, hiddenSize, size)),
  ];
}

function expertTensors(part: Part): ModelTensor[] {
  const { config, finder, from, to } = part;
  const { hiddenSize, experts, expertSize, sharedExperts } = config;
  const stack = (kind: string, rows: number, columns: number): ModelTensor => ({
    name: `${to}.ffn_${kind}_exps.weight`,
    dimensions: [columns, rows, experts],
    slabs: Array.from({ length: experts }, (_, expert) =>
      whole(finder.matrix(`${from}.experts.${expert}.${kind}_proj.weight`, rows, columns)),
    ),
  });
  const shared =
    sharedExperts === 0
      ? []
      : gatedTensors(
          { ...part, from: `${from}.shared_experts` },
          "_shexp",
          sharedExperts * expertSize,
        );
  const bias = `${from}.gate.e_score_correction_bias`;
  return [
    matrix(`${to}.ffn_gate_inp`, finder.matrix(`${from}.gate.weight`, experts, hiddenSize)),
    ...(finder.has(bias) ? [vector(`${to}.exp_probs_b.bias`, finder.vector(bias, experts))] : []),
    stack("gate", expertSize, hiddenSize),
    ...shared.slice(0, 1),
    stack("up", expertSize, hiddenSize),
    ...shared.slice(1, 2),
    stack("down", hiddenSize, expertSize),
    ...shared.slice(2),
  ];
}

function whole(source: WeightSource): Slab {
  return { source, firstRow: 0, rowCount: source.rows, isTransposed: false };
}

function matrix(stem: string, source: WeightSource): ModelTensor {
  return {
    name: `${stem}.weight`,
    dimensions: [source.columns, source.rows],
    slabs: [whole(source)],
  };
}

function vector(name: string, source: WeightSource): ModelTensor {
  return { name, dimensions: [source.columns], slabs: [whole(source)] };
}
