import { numberOf, textOf, type Architecture, type Attention } from "./architecture.ts";
import type { CheckpointHead } from "./checkpoint-head.ts";
import { architectureOfConfig } from "./describe-config.ts";
import type { GgufValue } from "./gguf-read.ts";
import { llamaNameOf } from "./llama-architectures.ts";

/** `undefined` where nothing says it: single weights without their `config.json`. */
export function describeArchitecture(head: CheckpointHead): Architecture | undefined {
  if (head.format === "gguf") return ofMetadata(head);
  return head.config && architectureOfConfig(head.config);
}

function ofMetadata({ metadata, tensors }: CheckpointHead): Architecture {
  const name = String(metadata.get("general.architecture") ?? "unknown");
  const get = (key: string): GgufValue | undefined => metadata.get(`${name}.${key}`);
  const number = (key: string): number | undefined => numberOf(get(key));
  const layers = number("block_count") ?? 0;
  const heads = number("attention.head_count") ?? 0;
  const hidden = number("embedding_length") ?? 0;
  const experts = number("expert_count") ?? 0;
  const has = (pattern: RegExp): boolean => tensors.some(({ name }) => pattern.test(name));
  return {
    name,
    modelType: undefined,
    llamaName: llamaNameOf(name),
    layers,
    hidden,
    heads,
    vocabulary: number("vocab_size") ?? listLength(metadata.get("tokenizer.ggml.tokens")),
    context: number("context_length") ?? 0,
    denseFeedForward: number("feed_forward_length") ?? 0,
    denseLayers: experts === 0 ? layers : (number("leading_dense_block_count") ?? 0),
    attention: attentionOfMetadata(number, {
      heads,
      hidden,
      isUnsplit: has(/\.attn_kv_b\.weight$/),
    }),
    experts:
      experts === 0
        ? undefined
        : {
            count: experts,
            used: number("expert_used_count") ?? 0,
            shared: number("expert_shared_count") ?? 0,
            feedForward: number("expert_feed_forward_length") ?? 0,
          },
    tiedEmbeddings: !has(/^output\.weight$/),
    rope: {
      base: number("rope.freq_base") ?? 10_000,
      scaling: textOf(get("rope.scaling.type")),
      factor: number("rope.scaling.factor"),
      originalContext: number("rope.scaling.original_context_length"),
      betaFast: number("rope.scaling.yarn_beta_fast"),
      betaSlow: number("rope.scaling.yarn_beta_slow"),
    },
    rmsEpsilon: number("attention.layer_norm_rms_epsilon"),
  };
}

function attentionOfMetadata(
  number: (key: string) => number | undefined,
  file: { readonly heads: number; readonly hidden: number; readonly isUnsplit: boolean },
): Attention {
  const { heads, hidden, isUnsplit } = file;
  const kvLoraRank = number("attention.kv_lora_rank");
  const headSize = heads > 0 ? hidden / heads : 0;
  if (kvLoraRank === undefined) {
    return {
      type: "grouped",
      kvHeads: number("attention.head_count_kv") ?? heads,
      keyLength: number("attention.key_length") ?? headSize,
      valueLength: number("attention.value_length") ?? headSize,
    };
  }
  const ropeHeadSize = number("rope.dimension_count") ?? 64;
  const keyLength = number("attention.key_length_mla") ?? number("attention.key_length") ?? 0;
  return {
    type: "mla",
    qLoraRank: number("attention.q_lora_rank") || undefined,
    kvLoraRank,
    nopeHeadSize: keyLength - ropeHeadSize,
    ropeHeadSize,
    valueHeadSize: number("attention.value_length_mla") ?? number("attention.value_length") ?? 0,
    isUnsplit,
  };
}

function listLength(value: GgufValue | undefined): number {
  return Array.isArray(value) ? value.length : 0;
}
