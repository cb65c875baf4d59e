/** Everything that `kimi models inspect` says of a model, as data. */
import { basename, dirname, resolve } from "node:path";
import type { CheckpointHead, TensorHead } from "./checkpoint-head.ts";
import type { Architecture } from "./architecture.ts";
import { describeArchitecture } from "./describe-architecture.ts";
import { schemeOf, tensorsOfConfig } from "./describe-config-tensors.ts";
import {
  attentionScoreBytes,
  computeBytes,
  estimateTypes,
  kvBytesPerToken,
  kvValuesPerToken,
  memoryAt,
  type ContextMemory,
  type TypeEstimate,
} from "./describe-memory.ts";
import { findProblems, type Problem } from "./describe-problems.ts";
import { describeTemplate, type TemplateDescription } from "./describe-template.ts";
import { describeTokenizer, type TokenizerDescription } from "./describe-tokenizer.ts";
import { weighTensors, type Weights } from "./describe-weights.ts";

export interface ModelDescription {
  readonly location: string;
  readonly name: string;
  readonly format: CheckpointHead["format"];
  /** Bytes of the weight files that are there. */
  readonly fileBytes: number;
  readonly files: CheckpointHead["files"];
  readonly architecture: Architecture | undefined;
  /** Which Kimi this is, as far as its figures tell. */
  readonly family: string | undefined;
  /** Where the weights' figures are from. */
  readonly countedFrom: "tensors" | "config" | "nothing";
  readonly weights: Weights;
  readonly activeParameters: ActiveParameters;
  /** Bytes of routed experts that one token reads. */
  readonly activeExpertBytes: number;
  readonly quantisation: string;
  readonly tokenizer: TokenizerDescription | undefined;
  readonly template: TemplateDescription | undefined;
  readonly memory: Memory | undefined;
  readonly estimates: readonly TypeEstimate[];
  readonly problems: readonly Problem[];
}

export interface ActiveParameters {
  readonly total: number;
  /** Of a token's embedding only one row is read. */
  readonly withoutInputEmbedding: number;
}

export interface Memory {
  readonly kvValuesPerToken: number;
  readonly kvBytesPerToken: { readonly f16: number; readonly q8_0: number; readonly q4_0: number };
  /** vLLM and SGLang, on each tensor-parallel rank. */
  readonly serverKvBytesPerToken: { readonly bf16: number; readonly fp8: number };
  readonly contexts: readonly ContextMemory[];
  /** Estimates of llama.cpp's compute buffer at the whole context. */
  readonly computeBytes: { readonly flashAttention: number; readonly without: number };
}

export interface DescribeOptions {
  /** Tokens that are wanted. */
  readonly context?: number;
  /** Whether this machine's CPU has AMX; said of no machine if left out. */
  readonly hasAmx?: boolean;
  /** Whether the YaRN betas of the file are set where it will run (by the native addon). */
  readonly setsYarnBetas?: boolean;
}

export function describeModel(
  head: CheckpointHead,
  options: DescribeOptions = {},
): ModelDescription {
  const architecture = describeArchitecture(head);
  const { tensors, countedFrom } = countedTensors(head, architecture);
  const weights = weighTensors(tensors);
  const experts = architecture?.experts;
  const share = experts && experts.count > 0 ? experts.used / experts.count : 1;
  const expertParameters = weights.parts.experts.parameters;
  const total = weights.total.parameters - expertParameters * (1 - share);
  const described = {
    location: head.location,
    name: nameOf(head),
    format: head.format,
    fileBytes: head.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    files: head.files,
    architecture,
    family: familyOf(head, architecture),
    countedFrom,
    weights,
    activeParameters: { total, withoutInputEmbedding: total - weights.input.parameters },
    activeExpertBytes: weights.parts.experts.bytes * share,
    quantisation: quantisationOf(head, weights),
    tokenizer: describeTokenizer(head),
    template: head.template === undefined ? undefined : describeTemplate(head.template),
    memory: architecture && memoryOf(architecture, weights.total.bytes),
    estimates: estimateTypes(weights, expertParameters * share),
  };
  return { ...described, problems: findProblems(head, described, options) };
}

/** The tensors that are there, if all are; else those that the configuration promises. */
function countedTensors(
  head: CheckpointHead,
  architecture: Architecture | undefined,
): { tensors: readonly TensorHead[]; countedFrom: ModelDescription["countedFrom"] } {
  const isWhole = head.tensors.length > 0 && head.missingFiles.length === 0;
  if (!isWhole && head.config && architecture) {
    const tensors = tensorsOfConfig(head.config, architecture);
    if (tensors.length > 0) return { tensors, countedFrom: "config" };
  }
  return { tensors: head.tensors, countedFrom: head.tensors.length > 0 ? "tensors" : "nothing" };
}

function memoryOf(architecture: Architecture, weightBytes: number): Memory {
  const values = kvValuesPerToken(architecture);
  const flashAttention = computeBytes(architecture, architecture.context);
  const each = (type: "f16" | "q8_0" | "q4_0"): number => kvBytesPerToken(architecture, type);
  return {
    kvValuesPerToken: values,
    kvBytesPerToken: { f16: each("f16"), q8_0: each("q8_0"), q4_0: each("q4_0") },
    serverKvBytesPerToken: { bf16: 2 * values, fp8: values },
    contexts: memoryAt(architecture, weightBytes),
    computeBytes: {
      flashAttention,
      without: flashAttention + attentionScoreBytes(architecture, architecture.context),
    },
  };
}

function nameOf({ metadata, location, config }: CheckpointHead): string {
  const name = metadata.get("general.name") ?? config?.["_name_or_path"];
  if (typeof name === "string" && name !== "") return name;
  const isConfig = basename(location) === "config.json"; // its folder tells more
  return basename(isConfig ? dirname(resolve(location)) : location);
}

function quantisationOf({ format, config }: CheckpointHead, { types }: Weights): string {
  const scheme = config && format !== "gguf" ? schemeOf(config) : "none";
  if (scheme === "fp8") return "FP8 (e4m3, a scale for each block of 128x128)";
  if (scheme === "int4") return "INT4 (packed, a scale for each 32 values), routed experts only";
  return types[0]?.type ?? "unknown";
}

/** Kimi's models by what their figures differ in (k2-facts §1.2, §7). */
function familyOf(
  head: CheckpointHead,
  architecture: Architecture | undefined,
): string | undefined {
  if (!architecture) return undefined;
  const { layers, hidden, experts, context, modelType, attention } = architecture;
  if (modelType === "kimi_k25") return "Kimi K2.5 or later";
  if (architecture.llamaName === "kimi-linear") return "Kimi-Linear";
  if (layers === 61 && hidden === 7168 && experts?.count === 384) {
    if (head.config && schemeOf(head.config) === "int4") return "Kimi-K2-Thinking";
    if (head.template?.includes("</think>")) return "Kimi-K2-Thinking or later";
    if (context <= 131_072) return "Kimi K2 (Base or Instruct)";
    return head.format === "gguf"
      ? "Kimi K2 with 256K (0905 or Thinking)"
      : "Kimi-K2-Instruct-0905";
  }
  if (layers === 27 && hidden === 2048 && experts?.count === 64 && attention.type === "mla")
    return "Moonlight-16B-A3B or Kimi-VL's language model";
  return undefined;
}
