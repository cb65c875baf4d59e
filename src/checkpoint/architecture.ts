/** What a model is built of, in the same words for GGUF metadata and for `config.json`. */
export type Attention =
  | {
      readonly type: "mla";
      /** Absent where queries are not compressed (Moonlight). */
      readonly qLoraRank: number | undefined;
      readonly kvLoraRank: number;
      readonly nopeHeadSize: number;
      readonly ropeHeadSize: number;
      readonly valueHeadSize: number;
      /** An old GGUF with `attn_kv_b` in one piece: llama.cpp then keeps whole heads in the KV cache. */
      readonly isUnsplit: boolean;
    }
  | {
      readonly type: "grouped";
      readonly kvHeads: number;
      readonly keyLength: number;
      readonly valueLength: number;
    };

export interface Experts {
  readonly count: number;
  /** Of them, for each token. */
  readonly used: number;
  readonly shared: number;
  readonly feedForward: number;
}

export interface Rope {
  readonly base: number;
  /** `yarn`, `linear`, …; absent without scaling. */
  readonly scaling: string | undefined;
  readonly factor: number | undefined;
  readonly originalContext: number | undefined;
  readonly betaFast: number | undefined;
  readonly betaSlow: number | undefined;
}

export interface Architecture {
  /** As the file has it: `deepseek2`, or `DeepseekV3ForCausalLM`. */
  readonly name: string;
  /** `model_type` of `config.json`. */
  readonly modelType: string | undefined;
  /** llama.cpp's name for it; absent where llama.cpp has none. */
  readonly llamaName: string | undefined;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly vocabulary: number;
  /** Tokens it was trained for; 0 if it is not said. */
  readonly context: number;
  readonly denseFeedForward: number;
  /** Layers before the first with experts; all of them without experts. */
  readonly denseLayers: number;
  readonly attention: Attention;
  readonly experts: Experts | undefined;
  readonly tiedEmbeddings: boolean;
  readonly rope: Rope;
  readonly rmsEpsilon: number | undefined;
}

/** A number of either source; of one for each layer, the first stands for them. */
export function numberOf(value: unknown): number | undefined {
  if (Array.isArray(value)) return numberOf(value[0]);
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
