import type {
  DeploymentPlan,
  Host,
  Layout,
  MemoryReport,
  NodeCommand,
} from "../../src/cluster/deployment-plan.ts";

/** Plans as `kimi deploy` makes them, after Moonshot's deployment guide. The sizes are made up. */

const gib = 1_024 ** 3;

const words = (text: string): string[] => text.split(" ");

export function standInHosts(count: number, gpus = 8): Host[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `node-${index}`,
    address: `node-${index}`,
    gpus,
  }));
}

function memoryOf(gpus: number, changes: Partial<MemoryReport> = {}): MemoryReport {
  return {
    accelerator: "H200",
    gpus,
    perGpu: {
      capacityBytes: 140 * gib,
      weightsBytes: 61.2 * gib,
      kvCacheBytes: 48.9 * gib,
      activationBytes: 4.3 * gib,
      runtimeBytes: 4.6 * gib,
      reservedBytes: 21 * gib,
    },
    kvBytesPerToken: 70_272,
    kvCopies: gpus,
    kvCapacityTokens: 747_000,
    context: 131_072,
    concurrency: 4,
    maxContext: 131_072,
    maxConcurrency: 5,
    decodeTokensPerSecond: { single: 61.4, total: 218 },
    ...changes,
  };
}

const layoutOf = (changes: Partial<Layout> & Pick<Layout, "kind">): Layout => ({
  tensorParallel: 1,
  pipelineParallel: 1,
  dataParallel: 1,
  expertParallel: 1,
  reasons: ["The weights need 16 GPUs of 140 GiB for a context of 131,072 tokens."],
  ...changes,
});

const tools = ["--enable-auto-tool-choice", "--tool-call-parser", "kimi_k2"];
const health = { port: 8000, path: "/health" };
const [first, second] = standInHosts(2) as [Host, Host];

/** vLLM, TP 16 on two hosts without Ray. */
export const vllmTensorParallel: DeploymentPlan = {
  engine: "vllm",
  engineVersion: "0.12.0",
  model: "moonshotai/Kimi-K2-Instruct",
  servedName: "kimi-k2",
  layout: layoutOf({ kind: "tensor parallel", tensorParallel: 16 }),
  nodes: [first, second].map((host, rank): NodeCommand => ({
    name: host.name,
    role: rank === 0 ? "serve" : "worker",
    host,
    argv: [
      ...words("vllm serve moonshotai/Kimi-K2-Instruct --served-model-name kimi-k2"),
      ...(rank === 0 ? ["--port", "8000"] : ["--headless"]),
      ...words("--trust-remote-code --tensor-parallel-size 16 --nnodes 2"),
      ...words(`--node-rank ${String(rank)} --master-addr node-0 --max-model-len 131072`),
      ...tools,
    ],
    env: {},
    ...(rank === 0 ? { health } : {}),
  })),
  files: [],
  endpoint: { host: first, port: 8000, protocol: "chat" },
  memory: memoryOf(16),
  notes: ["The port 29500 of node-0 must be open to the other hosts."],
};

function vllmDataParallelNodes(hosts: readonly Host[]): NodeCommand[] {
  return hosts.map((host, index) => ({
    name: host.name,
    role: index === 0 ? "serve" : "worker",
    host,
    argv: [
      ...words("vllm serve /models/Kimi-K2-Instruct"),
      ...(index === 0 ? [] : ["--headless", "--data-parallel-start-rank", String(8 * index)]),
      ...words("--port 8000 --served-model-name kimi-k2 --trust-remote-code"),
      ...words(`--data-parallel-size ${String(8 * hosts.length)} --data-parallel-size-local 8`),
      ...words("--data-parallel-address node-0 --data-parallel-rpc-port 13345"),
      ...words("--enable-expert-parallel --max-num-batched-tokens 8192 --max-num-seqs 256"),
      ...words("--gpu-memory-utilization 0.85"),
      ...tools,
    ],
    env: { VLLM_ALL2ALL_BACKEND: "deepep_low_latency", VLLM_USE_DEEP_GEMM: "1" },
    ...(index === 0 ? { health } : {}),
  }));
}

/** vLLM, DP 8 a host with expert parallelism, the model in a folder of every host. */
export function vllmDataParallel(hosts: readonly Host[] = standInHosts(2)): DeploymentPlan {
  const ranks = 8 * hosts.length;
  return {
    ...vllmTensorParallel,
    model: "/models/Kimi-K2-Instruct",
    layout: layoutOf({
      kind: "data and expert parallel",
      dataParallel: ranks,
      expertParallel: ranks,
      reasons: [
        "256 requests at a time want many small KV caches: with data parallelism no GPU keeps a copy of another one's.",
        "Tensor parallelism would keep 16 copies of the KV cache, which leaves room for 5 requests.",
      ],
    }),
    nodes: vllmDataParallelNodes(hosts),
    memory: memoryOf(ranks, { kvCopies: 1, concurrency: 256, maxConcurrency: 91 }),
    notes: ["Install DeepEP and DeepGEMM in the engine's environment first."],
  };
}

/** SGLang, TP 16 on two hosts. */
export const sglangTensorParallel: DeploymentPlan = {
  ...vllmTensorParallel,
  engine: "sglang",
  engineVersion: "0.5.6",
  nodes: [first, second].map((host, rank): NodeCommand => ({
    name: host.name,
    role: rank === 0 ? "serve" : "worker",
    host,
    argv: [
      ...words("python -m sglang.launch_server --model-path moonshotai/Kimi-K2-Instruct"),
      ...words("--served-model-name kimi-k2 --tp 16 --dist-init-addr node-0:50000"),
      ...words(`--nnodes 2 --node-rank ${String(rank)} --trust-remote-code`),
      ...words("--tool-call-parser kimi_k2 --host 0.0.0.0 --port 30000"),
    ],
    env: {},
    ...(rank === 0 ? { health: { port: 30_000, path: "/health" } } : {}),
  })),
  endpoint: { host: first, port: 30_000, protocol: "chat" },
  notes: [],
};

interface Half {
  readonly mode: "prefill" | "decode";
  readonly hosts: readonly Host[];
}

function halfNodes({ mode, hosts }: Half): NodeCommand[] {
  const ranks = String(8 * hosts.length);
  return hosts.map((host, rank) => ({
    name: `${mode}-${rank}`,
    role: rank === 0 ? mode : "worker",
    host,
    argv: [
      ...words("python -m sglang.launch_server --model-path /models/Kimi-K2-Instruct"),
      ...words(`--served-model-name kimi-k2 --trust-remote-code --disaggregation-mode ${mode}`),
      ...words(`--dist-init-addr ${hosts[0]?.address ?? ""}:5757 --tp-size ${ranks}`),
      ...words(`--dp-size ${ranks} --enable-dp-attention --host ${host.address} --port 30000`),
      ...words("--moe-a2a-backend deepep --disable-radix-cache --enable-dp-lm-head"),
      ...words("--disaggregation-ib-device mlx5_0,mlx5_1 --mem-fraction-static 0.85"),
      ...words(`--nnodes ${String(hosts.length)} --node-rank ${String(rank)}`),
      ...words("--tool-call-parser kimi_k2"),
    ],
    env: {
      MC_TE_METRIC: "true",
      PYTHONUNBUFFERED: "1",
      SGLANG_DISAGGREGATION_WAITING_TIMEOUT: "100000",
    },
    ...(rank === 0 ? { health: { port: 30_000, path: "/health" } } : {}),
  }));
}

/** SGLang, 4 hosts that prefill and 12 that decode, and a router on the first. */
export function sglangSplit(): DeploymentPlan {
  const hosts = standInHosts(16);
  const [front] = hosts as [Host, ...Host[]];
  const router: NodeCommand = {
    name: "router",
    role: "router",
    host: front,
    argv: [
      ...words("python -m sglang_router.launch_router --pd-disaggregation"),
      ...words("--prefill http://node-0:30000 --decode http://node-4:30000"),
      ...words("--host 0.0.0.0 --port 8000"),
    ],
    env: {},
    health: { port: 8000, path: "/health" },
  };
  return {
    ...sglangTensorParallel,
    model: "/models/Kimi-K2-Instruct",
    layout: layoutOf({
      kind: "prefill/decode split",
      dataParallel: 96,
      expertParallel: 96,
      split: { prefill: 4, decode: 12 },
    }),
    nodes: [
      ...halfNodes({ mode: "prefill", hosts: hosts.slice(0, 4) }),
      ...halfNodes({ mode: "decode", hosts: hosts.slice(4) }),
      router,
    ],
    endpoint: { host: front, port: 8000, protocol: "chat" },
    memory: memoryOf(128, { kvCopies: 1, concurrency: 4096 }),
  };
}

/** KTransformers on one host with one GPU. */
export function ktransformersHost(): DeploymentPlan {
  const [host] = standInHosts(1, 1) as [Host];
  return {
    ...vllmTensorParallel,
    engine: "ktransformers",
    engineVersion: "0.5.2",
    model: "/models/Kimi-K2-Instruct",
    layout: layoutOf({
      kind: "experts on the CPU",
      reasons: ["One GPU holds all but the experts, and the host's memory holds those."],
    }),
    nodes: [
      {
        name: "node-0",
        role: "serve",
        host,
        argv: [
          ...words("python -m sglang.launch_server --model /models/Kimi-K2-Instruct"),
          ...words("--kt-weight-path /models/Kimi-K2-Instruct-AMX --kt-method AMXINT4"),
          ...words("--kt-cpuinfer 60 --kt-threadpool-count 2 --kt-num-gpu-experts 0"),
          ...words("--served-model-name kimi-k2 --trust-remote-code --port 30000"),
          ...words("--tool-call-parser kimi_k2"),
        ],
        env: { OMP_NUM_THREADS: "60" },
        health: { port: 30_000, path: "/health" },
      },
    ],
    endpoint: { host, port: 30_000, protocol: "chat" },
    memory: memoryOf(1, { accelerator: "RTX 4090", hostBytes: 541 * gib, concurrency: 1 }),
    notes: ["Convert the experts first: python convert_cpu_weights.py --help."],
  };
}

/** TensorRT-LLM on two hosts by mpirun. */
export const tensorrtMpi: DeploymentPlan = (() => {
  const argv = [
    ...words("trtllm-llmapi-launch trtllm-serve serve /models/Kimi-K2-Instruct"),
    ...words("--host 0.0.0.0 --port 8000 --config llm-api-config.yaml"),
    ...words("--tool_parser kimi_k2 --trust_remote_code"),
  ];
  const mpirun = ["mpirun", "-np", "16", "-H", "node-0:8,node-1:8", "--allow-run-as-root"];
  return {
    ...vllmTensorParallel,
    engine: "tensorrt-llm",
    engineVersion: "1.1.0",
    model: "/models/Kimi-K2-Instruct",
    nodes: [
      {
        name: "node-0",
        role: "serve",
        host: first,
        argv: [...mpirun, ...argv],
        env: { TRTLLM_ENABLE_PDL: "1" },
        health,
      },
    ],
    mpi: { processes: 16, hosts: [first, second], argv },
    files: [
      {
        path: "llm-api-config.yaml",
        content:
          "tensor_parallel_size: 16\nmoe_expert_parallel_size: 8\nenable_attention_dp: true\n",
      },
    ],
    notes: ["Passwordless ssh between the hosts must work."],
  };
})();

export function allPlans(): [string, DeploymentPlan][] {
  return [
    ["vLLM with tensor parallelism", vllmTensorParallel],
    ["vLLM with data and expert parallelism", vllmDataParallel()],
    ["SGLang with tensor parallelism", sglangTensorParallel],
    ["SGLang split in prefill and decode", sglangSplit()],
    ["KTransformers on one host", ktransformersHost()],
    ["TensorRT-LLM by MPI", tensorrtMpi],
  ];
}
