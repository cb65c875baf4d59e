import type { Cluster, ClusterOptions } from "../../src/cluster/cluster.ts";
import type { DeployRequest } from "../../src/cluster/serving-engine.ts";

export interface PlanExample {
  readonly name: string;
  readonly hardware: ClusterOptions;
  /** What an inventory would add. */
  readonly site?: Partial<Cluster>;
  readonly wanted: Partial<DeployRequest> & Pick<DeployRequest, "engine">;
  /** Another checkpoint than Kimi-K2-Instruct. */
  readonly known?: string;
}

export interface GuideExample extends PlanExample {
  /** By the node that it is for: the flags of the guide's command, its variables filled in. */
  readonly commands: Readonly<Record<string, string>>;
  /** What came for a flag that went, or for one that the parser only still takes. */
  readonly successors?: Readonly<
    Record<string, { readonly flag: string; readonly value?: string }>
  >;
}

const h200 = (nodes: number): ClusterOptions => ({ gpu: "h200", gpus: 8 * nodes, nodes });

const vllmExpertFlags =
  "--port 8000 --served-model-name kimi-k2 --trust-remote-code --data-parallel-size 16 --data-parallel-size-local 8 --data-parallel-address node-0 --data-parallel-rpc-port 13345 --enable-expert-parallel --max-num-batched-tokens 8192 --max-num-seqs 256 --gpu-memory-utilization 0.85 --enable-auto-tool-choice --tool-call-parser kimi_k2";

const splitFlags =
  "--trust-remote-code --enable-dp-attention --decode-log-interval 1 --disable-radix-cache --enable-deepep-moe --moe-dense-tp-size 1 --enable-dp-lm-head --disable-shared-experts-fusion --watchdog-timeout 1000000 --enable-two-batch-overlap --disaggregation-ib-device mlx5_0 --tool-call-parser kimi_k2";

const splitSuccessors = {
  "--enable-deepep-moe": { flag: "--moe-a2a-backend", value: "deepep" },
  "--dp-size": { flag: "--attn-dp-size" },
  "--enable-dp-attention": { flag: "--attn-dp-size" },
  "--cuda-graph-bs": { flag: "--cuda-graph-bs-decode" },
} as const;

export const guideExamples: readonly GuideExample[] = [
  {
    name: "vLLM TP16",
    hardware: h200(2),
    wanted: { engine: "vllm" },
    commands: {
      "node-0":
        "--port 8000 --served-model-name kimi-k2 --trust-remote-code --tensor-parallel-size 16 --enable-auto-tool-choice --tool-call-parser kimi_k2",
    },
  },
  {
    name: "vLLM DP16 with EP",
    hardware: h200(2),
    wanted: { engine: "vllm", layout: "dp-ep" },
    commands: {
      "node-0": vllmExpertFlags,
      "node-1": `--headless --data-parallel-start-rank 8 ${vllmExpertFlags}`,
    },
  },
  {
    name: "SGLang TP16",
    hardware: h200(2),
    wanted: { engine: "sglang" },
    commands: {
      "node-0":
        "--model-path /models/Kimi-K2-Instruct --tp-size 16 --dist-init-addr node-0:50000 --nnodes 2 --node-rank 0 --trust-remote-code --tool-call-parser kimi_k2",
      "node-1":
        "--model-path /models/Kimi-K2-Instruct --tp-size 16 --dist-init-addr node-0:50000 --nnodes 2 --node-rank 1 --trust-remote-code --tool-call-parser kimi_k2",
    },
  },
  {
    name: "SGLang 4 prefill and 12 decode nodes",
    hardware: h200(16),
    site: { infinibandDevices: ["mlx5_0"] },
    wanted: {
      engine: "sglang",
      split: { prefill: 4, decode: 12 },
      context: 2_176,
      concurrency: 46_080,
    },
    commands: {
      "prefill-3": `--model-path /models/Kimi-K2-Instruct --disaggregation-mode prefill --dist-init-addr node-0:5757 --tp-size 32 --dp-size 32 --host node-3 --chunked-prefill-size 131072 --mem-fraction-static 0.85 --deepep-mode normal --ep-dispatch-algorithm dynamic --eplb-algorithm deepseek --max-running-requests 1024 --nnodes 4 --node-rank 3 ${splitFlags}`,
      "decode-11": `--model-path /models/Kimi-K2-Instruct --disaggregation-mode decode --dist-init-addr node-4:5757 --tp-size 96 --dp-size 96 --host node-15 --context-length 2176 --deepep-mode low_latency --mem-fraction-static 0.8 --cuda-graph-bs 480 --max-running-requests 46080 --ep-num-redundant-experts 96 --nnodes 12 --node-rank 11 ${splitFlags}`,
      router: "--prefill http://node-0:30000 --decode http://node-4:30000",
    },
    successors: splitSuccessors,
  },
  {
    name: "KTransformers without AMX",
    hardware: { gpu: "l20", gpus: 1 },
    site: { ramBytes: 1.5 * 2 ** 40, numaNodes: 2, cores: 64 },
    wanted: { engine: "ktransformers", cpu: "avx2", context: 30_000 },
    commands: {
      "node-0":
        "--model_path /models/Kimi-K2-Instruct --gguf_path /models/Kimi-K2-Instruct-GGUF --cache_lens 30000",
    },
    successors: {
      "--model_path": { flag: "--model-path" },
      "--gguf_path": { flag: "--kt-weight-path" },
      "--cache_lens": { flag: "--max-total-tokens" },
    },
  },
  {
    name: "KTransformers with AMX",
    hardware: { gpu: "l20", gpus: 1 },
    site: { ramBytes: 1.5 * 2 ** 40, numaNodes: 2, cores: 64 },
    wanted: { engine: "ktransformers", cpu: "amx", context: 30_000 },
    commands: {
      "node-0":
        "--model_path /models/Kimi-K2-Instruct --cache_lens 30000 --optimize_config_path DeepSeek-V3-Chat-fp8-linear-ggml-experts-serve-amx.yaml",
    },
    successors: {
      "--model_path": { flag: "--model-path" },
      "--cache_lens": { flag: "--max-total-tokens" },
      "--optimize_config_path": { flag: "--kt-method", value: "AMXINT8" },
    },
  },
  {
    name: "TensorRT-LLM on two nodes",
    hardware: h200(2),
    wanted: { engine: "tensorrt-llm" },
    commands: {
      "node-0":
        "--backend pytorch --tp_size 16 --ep_size 8 --kv_cache_free_gpu_memory_fraction 0.95 --trust_remote_code --max_batch_size 128 --max_num_tokens 4096 --extra_llm_api_options extra-llm-api-config.yml --port 8000",
    },
    successors: { "--extra_llm_api_options": { flag: "--config" } },
  },
];

/** With every flag that the guide's do without. */
export const otherExamples: readonly PlanExample[] = [
  {
    name: "vLLM with pipeline stages, a short context and FP8 cache",
    hardware: h200(2),
    site: { networkInterface: "eth1" },
    wanted: {
      engine: "vllm",
      layout: "tp-pp",
      kvCache: "fp8",
      context: 65_536,
      concurrency: 8,
      modelType: "deepseek_v3",
    },
  },
  {
    name: "vLLM, tight, thinking",
    hardware: { gpu: "h20", gpus: 8 },
    known: "Kimi-K2-Thinking",
    wanted: { engine: "vllm" },
  },
  {
    name: "SGLang DP16 with EP, FP8 cache",
    hardware: h200(2),
    wanted: {
      engine: "sglang",
      layout: "dp-ep",
      kvCache: "fp8",
      context: 65_536,
      concurrency: 64,
      modelType: "deepseek_v3",
    },
  },
  {
    name: "SGLang, thinking",
    hardware: h200(1),
    known: "Kimi-K2-Thinking",
    wanted: { engine: "sglang" },
  },
  {
    name: "KTransformers, native INT4",
    hardware: { gpu: "l20", gpus: 2 },
    known: "Kimi-K2-Thinking",
    wanted: { engine: "ktransformers", cpu: "avx512", context: 65_536 },
  },
  {
    name: "TensorRT-LLM on one node, tensor parallel",
    hardware: { gpu: "b200", gpus: 8 },
    wanted: {
      engine: "tensorrt-llm",
      layout: "tp",
      kvCache: "fp8",
      context: 32_768,
      concurrency: 16,
    },
  },
];
