/** TensorRT-LLM: `trtllm-serve`, on several hosts under `mpirun` (Moonshot's guide, k2-facts §6.4). */
import { stringify } from "yaml";
import type { NodeCommand, PlanFile } from "../deployment-plan.ts";
import type { EngineBudget } from "../gpu-memory.ts";
import type {
  Candidate,
  Choice,
  Commands,
  DeployRequest,
  ServingEngine,
} from "../serving-engine.ts";
import { tensorParallelProblem } from "../tensor-parallel.ts";
import { layoutSizes } from "./layout-sizes.ts";
import { sshCheck, sshPort } from "./ssh-check.ts";
import { openEndpointNote, toolCallFlags } from "./tool-call-flags.ts";
import { dataExpertSpread, tensorSpread } from "./usual-spreads.ts";

const program = ["trtllm-serve", "serve"] as const;
const command = program.join(" ");
const optionsFile = "extra-llm-api-config.yml";
/** Experts are shared by so many GPUs whole, and cut beyond (the guide's). */
const mostExpertParallel = 8;
const batchSizes = [1, 2, 4, 8, 16, 32, 64, 128];

const usualBudget = { of: "free", fraction: 0.95, batchedTokens: 4_096, sequences: 128 } as const;

export const tensorRtLlm: ServingEngine = { candidates, commands };

function candidates(request: DeployRequest): Candidate[] {
  const { cluster, model, layout, kvCache } = request;
  const gpus = cluster.gpusPerHost * cluster.hosts.length;
  const budgets: EngineBudget[] = [{ ...usualBudget, kvBytesPerValue: kvCache === "fp8" ? 1 : 2 }];
  if (cluster.accelerator.vendor === "amd") return [];
  const all: Candidate[] = [];
  if (gpus > 1 && gpus % Math.min(gpus, mostExpertParallel) === 0)
    all.push({
      name: "dp-ep",
      layout: {
        kind: "data and expert parallel",
        ...layoutSizes({
          dataParallel: gpus,
          expertParallel: Math.min(gpus, mostExpertParallel),
        }),
      },
      reason: `With data-parallel attention each of ${gpus} GPUs has a KV cache of its own; the experts are shared out among all.`,
      spread: dataExpertSpread(gpus),
      budgets,
    });
  if (!tensorParallelProblem(model, gpus))
    all.push({
      name: "tp",
      layout: { kind: "tensor parallel", ...layoutSizes({ tensorParallel: gpus }) },
      reason: `Attention is cut by all ${gpus} GPUs, which saves its copies; each GPU keeps the whole KV cache.`,
      spread: tensorSpread(gpus),
      budgets,
    });
  return layout === undefined ? all : all.filter(({ name }) => name === layout);
}

function commands(request: DeployRequest, choice: Choice): Commands {
  const { cluster, port } = request;
  const { hosts, gpusPerHost } = cluster;
  const [first] = hosts;
  if (!first) throw new Error("a cluster has a host");
  const processes = hosts.length * gpusPerHost;
  const toolCalls = toolCallFlags(request, command);
  const serve = serveCommand(request, choice);
  const launch = ["trtllm-llmapi-launch", ...serve];
  const node: NodeCommand = {
    name: first.name,
    role: "serve",
    host: first,
    argv:
      hosts.length === 1
        ? serve
        : [
            ["mpirun", "-np", `${processes}`],
            ["-H", hosts.map(({ address }) => `${address}:${gpusPerHost}`).join(",")],
            ["-mca", "plm_rsh_args", `-p ${first.sshPort ?? sshPort}`],
            "--allow-run-as-root",
            launch,
          ].flat(),
    env: {},
    health: { port, path: "/health" },
  };
  return {
    nodes: [node],
    ...(hosts.length === 1 ? {} : { mpi: { processes, hosts, argv: launch } }),
    files: [optionsOf(request, choice), ...(hosts.length === 1 ? [] : [sshCheck(hosts)])],
    endpoint: { host: first, port, protocol: toolCalls.protocol },
    notes: [
      ...(hosts.length === 1
        ? []
        : [
            "mpirun starts the processes by ssh, within the containers: sh check-ssh.sh on each host says what is missing of the set-up.",
            `${optionsFile} has to be in the folder that mpirun is started in, on every host.`,
          ]),
      "K2's tokenizer needs blobfile: pip install blobfile on every host.",
      ...(request.modelType === undefined
        ? []
        : [
            `trtllm-serve takes no other model type: set "model_type": "${request.modelType}" in the checkpoint's config.json (Moonshot's guide).`,
          ]),
      ...toolCalls.notes,
      openEndpointNote,
    ],
  };
}

function serveCommand(
  request: DeployRequest,
  { candidate, budget, context, isContextSet }: Choice,
): string[] {
  const { cluster, port, modelArgument, hasFlag } = request;
  const gpus = cluster.hosts.length * cluster.gpusPerHost;
  const config = hasFlag(command, "--config") ? "--config" : "--extra_llm_api_options";
  return [
    ...program,
    ["--backend", "pytorch"],
    ["--tp_size", `${gpus}`],
    ["--ep_size", `${candidate.layout.expertParallel}`],
    ["--kv_cache_free_gpu_memory_fraction", `${budget.fraction}`],
    "--trust_remote_code",
    ["--max_batch_size", `${request.concurrency ?? budget.sequences}`],
    ["--max_num_tokens", `${budget.batchedTokens}`],
    isContextSet ? ["--max_seq_len", `${context}`] : [],
    [config, optionsFile],
    ["--host", "0.0.0.0", "--port", `${port}`],
    toolCallFlags(request, command).flags,
    modelArgument,
  ].flat();
}

/** What has no flag. The guide's `padding_enabled` is called `enable_padding` in the releases. */
function optionsOf({ kvCache, concurrency }: DeployRequest, { candidate }: Choice): PlanFile {
  const most = concurrency ?? usualBudget.sequences;
  const sizes = batchSizes.filter((size) => size <= Math.max(1, most));
  return {
    path: optionsFile,
    content: stringify({
      cuda_graph_config: { enable_padding: true, batch_sizes: sizes },
      print_iter_log: true,
      enable_attention_dp: candidate.name === "dp-ep",
      ...(kvCache === "fp8" ? { kv_cache_config: { dtype: "fp8" } } : {}),
    }),
  };
}
