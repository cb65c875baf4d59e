/** What `kimi deploy` works out: where a model runs, and every command that starts it. Formats print it, a launch runs it. */

export const engineNames = ["vllm", "sglang", "ktransformers", "tensorrt-llm"] as const;
export type EngineName = (typeof engineNames)[number];

/** A machine of the cluster. Without an inventory its name and address are `node-0`, `node-1`, …: stand-ins. */
export interface Host {
  readonly name: string;
  /** What the other nodes reach it by: a name or an IP address. */
  readonly address: string;
  readonly gpus: number;
  /** Absent: as the ssh configuration says. */
  readonly sshUser?: string | undefined;
  readonly sshPort?: number | undefined;
}

/**
 * - `serve`: answers the endpoint, or a part of it
 * - `worker`: belongs to a `serve`, `prefill` or `decode` process and answers nobody
 * - `prefill`, `decode`: the first process of each half of a split
 * - `router`: spreads the requests over the others
 */
export type NodeRole = "serve" | "worker" | "prefill" | "decode" | "router";

/** One process on one host. It stays in the foreground until it is stopped. */
export interface NodeCommand {
  /** Unique, fit for a file name: `node-0`, `node-1`, `prefill-0`, `decode-11`, `router`, `ray-1`. */
  readonly name: string;
  readonly role: NodeRole;
  readonly host: Host;
  /** The program and its arguments, not quoted for any shell. Other hosts stand in it as their addresses. */
  readonly argv: readonly string[];
  /** Added to the process's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it says by HTTP 200 that it can serve; absent of a `worker`. */
  readonly health?: { readonly port: number; readonly path: string } | undefined;
  /** Where it listens for the plan's other processes, whatever `--port` is; several processes can share a host. */
  readonly peerPorts?: readonly number[];
}

export interface PlanFile {
  /** Relative to the folder that the commands run in, on every host. */
  readonly path: string;
  readonly content: string;
  /** A program of its own: mode 755. */
  readonly isExecutable?: boolean;
}

export type LayoutKind =
  | "tensor parallel"
  | "tensor and pipeline parallel"
  | "data and expert parallel"
  | "prefill/decode split"
  | "experts on the CPU";

/** How the model is spread over the GPUs. Sizes of 1 mean: not. */
export interface Layout {
  readonly kind: LayoutKind;
  readonly tensorParallel: number;
  readonly pipelineParallel: number;
  readonly dataParallel: number;
  /** GPUs that the experts are spread over whole; 1: each expert is cut by tensor parallelism. */
  readonly expertParallel: number;
  /** Hosts of each half of a split. */
  readonly split?: { readonly prefill: number; readonly decode: number } | undefined;
  /** Sentences: why this one, and why not the others. */
  readonly reasons: readonly string[];
}

/** Bytes on the fullest GPU, and what they leave. */
export interface MemoryReport {
  readonly accelerator: string;
  readonly gpus: number;
  readonly perGpu: {
    readonly capacityBytes: number;
    readonly weightsBytes: number;
    /** What the engine may give to the KV cache. */
    readonly kvCacheBytes: number;
    readonly activationBytes: number;
    /** CUDA's or ROCm's context, the communication's buffers, captured graphs. */
    readonly runtimeBytes: number;
    /** Left alone, since the engine is told to use only a part of the memory. */
    readonly reservedBytes: number;
  };
  /** Bytes of the KV cache for a token, on one copy of it; how many copies tensor parallelism makes. */
  readonly kvBytesPerToken: number;
  readonly kvCopies: number;
  /** Tokens that all KV caches hold together, each counted once. */
  readonly kvCapacityTokens: number;
  /** Asked for: tokens of a request, requests at a time. */
  readonly context: number;
  readonly concurrency: number;
  /** Tokens that a single request can have. */
  readonly maxContext: number;
  /** Requests of `context` tokens at a time. */
  readonly maxConcurrency: number;
  /** From bandwidths alone, tokens a second: of one request by itself, and of all `concurrency` together. */
  readonly decodeTokensPerSecond: { readonly single: number; readonly total: number };
  /** On the host, of experts on the CPU. */
  readonly hostBytes?: number | undefined;
}

export interface DeploymentPlan {
  readonly engine: EngineName;
  readonly engineVersion: string;
  /** As the engine is told: a path on every host, or a name on Hugging Face. */
  readonly model: string;
  /** As clients name it. */
  readonly servedName: string;
  readonly layout: Layout;
  /** In the order to start them in. A host can have several. */
  readonly nodes: readonly NodeCommand[];
  /**
   * Of an MPI program (TensorRT-LLM): its one command stands in `nodes` behind `mpirun`; here is what each of the processes
   * runs, for schedulers that start them themselves.
   */
  readonly mpi?: {
    readonly processes: number;
    readonly hosts: readonly Host[];
    readonly argv: readonly string[];
  };
  /** That the commands read, such as `llm-api-config.yaml`. */
  readonly files: readonly PlanFile[];
  /** OpenAI's protocol at `http://HOST:PORT/v1`; raw completions where the engine can't read K2's tool calls. */
  readonly endpoint: {
    readonly host: Host;
    readonly port: number;
    readonly protocol: "chat" | "completions";
  };
  readonly memory: MemoryReport;
  /** Sentences for the person: to be done before, known bugs, what is not known. */
  readonly notes: readonly string[];
}
