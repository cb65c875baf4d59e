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

/** Hosts `node-0`, … of these addresses. */
export function hostsAt(addresses: readonly string[]): Host[] {
  return standInHosts(addresses.length).map((host, index) => ({
    ...host,
    address: addresses[index] ?? "",
  }));
}

/** Before a port and in a URL. */
const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);

const firstOf = (hosts: readonly Host[]): Host => hosts[0] ?? { name: "", address: "", gpus: 0 };

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

/** vLLM, tensor parallel on all hosts without Ray. */
function vllmTensorParallelOn(hosts: readonly Host[]): DeploymentPlan {
  const first = firstOf(hosts);
  const ranks = 8 * hosts.length;
  const sizes = `--tensor-parallel-size ${String(ranks)} --nnodes ${String(hosts.length)}`;
  return {
    engine: "vllm",
    engineVersion: "0.12.0",
    model: "moonshotai/Kimi-K2-Instruct",
    servedName: "kimi-k2",
    layout: layoutOf({ kind: "tensor parallel", tensorParallel: ranks }),
    nodes: hosts.map((host, rank): NodeCommand => ({
      name: host.name,
      role: rank === 0 ? "serve" : "worker",
      host,
      argv: [
        ...words("vllm serve moonshotai/Kimi-K2-Instruct --served-model-name kimi-k2"),
        ...(rank === 0 ? ["--port", "8000"] : ["--headless"]),
        ...words(`--trust-remote-code ${sizes} --node-rank ${String(rank)}`),
        ...words(`--master-addr ${first.address} --max-model-len 131072`),
        ...tools,
      ],
      env: {},
      ...(rank === 0 ? { health } : {}),
    })),
    files: [],
    endpoint: { host: first, port: 8000, protocol: "chat" },
    memory: memoryOf(ranks),
    notes: ["The port 29500 of the first host must be open to the others."],
  };
}

/** On two hosts: TP 16. */
export const vllmTensorParallel = vllmTensorParallelOn(standInHosts(2));

/** vLLM before it had `--nnodes`: the hosts are joined by Ray, whose processes share folders with vLLM's. */
export function vllmByRay(hosts: readonly Host[] = standInHosts(2)): DeploymentPlan {
  const first = firstOf(hosts);
  const plan = vllmTensorParallelOn(hosts);
  const address = `${bracketed(first.address)}:6379`;
  const ray = hosts.map((host, index): NodeCommand => ({
    name: `ray-${String(index)}`,
    role: "worker",
    host,
    argv: [
      ...words("ray start --block"),
      ...(index === 0 ? ["--head", "--port=6379"] : [`--address=${address}`]),
    ],
    env: { VLLM_HOST_IP: host.address },
  }));
  const serve: NodeCommand = {
    name: first.name,
    role: "serve",
    host: first,
    argv: [
      ...words("vllm serve moonshotai/Kimi-K2-Instruct --port 8000 --served-model-name kimi-k2"),
      ...words("--tensor-parallel-size 16 --distributed-executor-backend ray"),
    ],
    env: { RAY_ADDRESS: address, VLLM_HOST_IP: first.address, VLLM_USE_DEEP_GEMM: "auto" },
    health,
  };
  return { ...plan, engineVersion: "0.10.0", nodes: [...ray, serve], notes: [] };
}

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
      ...words(`--data-parallel-address ${firstOf(hosts).address} --data-parallel-rpc-port 13345`),
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
    ...vllmTensorParallelOn(hosts),
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

/** SGLang, tensor parallel on all hosts. */
function sglangTensorParallelOn(hosts: readonly Host[]): DeploymentPlan {
  const first = firstOf(hosts);
  const address = `${bracketed(first.address)}:50000`;
  return {
    ...vllmTensorParallelOn(hosts),
    engine: "sglang",
    engineVersion: "0.5.6",
    nodes: hosts.map((host, rank): NodeCommand => ({
      name: host.name,
      role: rank === 0 ? "serve" : "worker",
      host,
      argv: [
        ...words("python -m sglang.launch_server --model-path moonshotai/Kimi-K2-Instruct"),
        ...words(`--served-model-name kimi-k2 --tp ${String(8 * hosts.length)}`),
        ...words(`--dist-init-addr ${address} --nnodes ${String(hosts.length)}`),
        ...words(`--node-rank ${String(rank)} --trust-remote-code`),
        ...words("--tool-call-parser kimi_k2 --host 0.0.0.0 --port 30000"),
      ],
      env: {},
      ...(rank === 0 ? { health: { port: 30_000, path: "/health" } } : {}),
    })),
    endpoint: { host: first, port: 30_000, protocol: "chat" },
    notes: [],
  };
}

/** On two hosts: TP 16. */
export const sglangTensorParallel = sglangTensorParallelOn(standInHosts(2));

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
      ...words(`--dist-init-addr ${bracketed(firstOf(hosts).address)}:5757 --tp-size ${ranks}`),
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

/** SGLang split, a quarter of the hosts for prefill, and a router on the first: of 16 hosts as in the guide. */
export function sglangSplit(hosts: readonly Host[] = standInHosts(16)): DeploymentPlan {
  const prefill = hosts.slice(0, Math.ceil(hosts.length / 4));
  const decode = hosts.slice(prefill.length);
  const front = firstOf(hosts);
  const url = (half: readonly Host[]): string => `http://${bracketed(firstOf(half).address)}:30000`;
  const router: NodeCommand = {
    name: "router",
    role: "router",
    host: front,
    argv: [
      ...words("python -m sglang_router.launch_router --pd-disaggregation"),
      ...words(`--prefill ${url(prefill)} 8998 --decode ${url(decode)}`),
      ...words("--host 0.0.0.0 --port 8000"),
    ],
    env: {},
    health: { port: 8000, path: "/health" },
  };
  return {
    ...sglangTensorParallelOn(hosts),
    model: "/models/Kimi-K2-Instruct",
    layout: layoutOf({
      kind: "prefill/decode split",
      dataParallel: 8 * decode.length,
      expertParallel: 8 * decode.length,
      split: { prefill: prefill.length, decode: decode.length },
    }),
    nodes: [
      ...halfNodes({ mode: "prefill", hosts: prefill }),
      ...halfNodes({ mode: "decode", hosts: decode }),
      router,
    ],
    endpoint: { host: front, port: 8000, protocol: "chat" },
    memory: memoryOf(8 * hosts.length, { kvCopies: 1, concurrency: 4096 }),
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

/** TensorRT-LLM by mpirun, as the guide starts it: the model is the last argument. */
function tensorrtByMpi(hosts: readonly Host[]): DeploymentPlan {
  const first = firstOf(hosts);
  const processes = 8 * hosts.length;
  const argv = [
    ...words("trtllm-llmapi-launch trtllm-serve serve --backend pytorch"),
    ...words("--trust_remote_code --config llm-api-config.yaml --host 0.0.0.0 --port 8000"),
    ...words("--tool_parser kimi_k2 /models/Kimi-K2-Instruct"),
  ];
  const slots = hosts.map(({ address }) => `${bracketed(address)}:8`).join(",");
  const mpirun = [
    ...words(`mpirun -np ${String(processes)} -H ${slots} -mca plm_rsh_args`),
    "-p 2233",
    "--allow-run-as-root",
  ];
  return {
    ...vllmTensorParallelOn(hosts),
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
    mpi: { processes, hosts, argv },
    files: [
      {
        path: "llm-api-config.yaml",
        content:
          "tensor_parallel_size: 16\nmoe_expert_parallel_size: 8\nenable_attention_dp: true\n",
      },
      { path: "check-ssh.sh", content: "#!/bin/sh\nssh node-1 true\n", isExecutable: true },
    ],
    notes: [
      "mpirun starts the processes by ssh: sh check-ssh.sh on each host says what is missing.",
      "Passwordless ssh between the hosts must work.",
    ],
  };
}

/** On two hosts. */
export const tensorrtMpi = tensorrtByMpi(standInHosts(2));

/** Plans of several hosts, each on these. */
export function plansOn(hosts: readonly Host[]): [string, DeploymentPlan][] {
  return [
    ["vLLM with tensor parallelism", vllmTensorParallelOn(hosts)],
    ["vLLM with data and expert parallelism", vllmDataParallel(hosts)],
    ["vLLM by Ray", vllmByRay(hosts)],
    ["SGLang with tensor parallelism", sglangTensorParallelOn(hosts)],
    ["SGLang split in prefill and decode", sglangSplit(hosts)],
    ["TensorRT-LLM by MPI", tensorrtByMpi(hosts)],
  ];
}

/** Addresses that are words of the commands, too, or begin like them, and such of IPv6. */
export const awkwardAddresses: readonly (readonly string[])[] = [
  ["prefill", "decode", "auto", "deepep"],
  ["vllm", "serve", "python", "mpirun"],
  ["kimi_k2", "8", "true", "ray"],
  ["gpu", "gpu-1", "http", "8000"],
  ["fd00::1", "fd00::11", "fd00::1:8", "::1"],
];

/** Those that Compose and Kubernetes can hold. */
export function containerPlans(): [string, DeploymentPlan][] {
  return [
    ["vLLM with tensor parallelism", vllmTensorParallel],
    ["vLLM with data and expert parallelism", vllmDataParallel()],
    ["SGLang with tensor parallelism", sglangTensorParallel],
    ["SGLang split in prefill and decode", sglangSplit()],
    ["KTransformers on one host", ktransformersHost()],
  ];
}

export function allPlans(): [string, DeploymentPlan][] {
  return [...containerPlans(), ["vLLM by Ray", vllmByRay()], ["TensorRT-LLM by MPI", tensorrtMpi]];
}
