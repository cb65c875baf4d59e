/** TensorRT-LLM: `trtllm-serve`, on several hosts under `mpirun` (Moonshot's guide, k2-facts §6.4). */
import { stringify } from "yaml";
import { usageError } from "../../errors.ts";
import { firstHost } from "../cluster.ts";
import type { NodeCommand, PlanFile } from "../deployment-plan.ts";
import type {
  Candidate,
  Choice,
  Commands,
  DeployRequest,
  ServingEngine,
} from "../serving-engine.ts";
import { fp8Block } from "../tensor-parallel.ts";
import { mpirunCommand, mpirunPort } from "./mpirun.ts";
import { environmentOf } from "./network-environment.ts";
import { sshCheck } from "./ssh-check.ts";
import { openEndpointNote, toolCallFlags } from "./tool-call-flags.ts";
import { expertCandidates, gpusOf, tensorCandidates } from "./usual-candidates.ts";

const program = ["trtllm-serve", "serve"] as const;
const command = program.join(" ");
const optionsFile = "extra-llm-api-config.yml";
const usualExpertRanks = 8;
const batchSizes = [1, 2, 4, 8, 16, 32, 64, 128];

const usualBudget = { of: "free", fraction: 0.95, batchedTokens: 4_096, sequences: 128 } as const;

export const tensorRtLlm: ServingEngine = { candidates, commands };

/** @throws KimiError for GPUs that it does not run K2 on. */
function candidates(request: DeployRequest): Candidate[] {
  const { layout } = request;
  requireGpus(request);
  const expertParallel = expertRanks(request, gpusOf(request));
  const all = [
    ...(expertParallel === undefined
      ? []
      : expertCandidates(request, { budgets: [usualBudget], expertParallel })),
    ...tensorCandidates(request, [usualBudget]),
  ];
  return layout === undefined ? all : all.filter(({ name }) => name === layout);
}

/** Its kernels for weights in blocks of FP8 are for Hopper and later (NVIDIA's support matrix). */
function requireGpus({ cluster, model }: DeployRequest): void {
  const { name, vendor, isHopperOrLater } = cluster.accelerator;
  if (vendor === "amd")
    throw usageError(`tensorrt-llm does not run on ${name}`, "vllm and sglang do.");
  if (model.quantisation.startsWith("FP8") && !isHopperOrLater)
    throw usageError(
      `tensorrt-llm has no FP8 in blocks for ${name}`,
      "It has for H100, H200, H20, H800, B200 and GB200; vllm unpacks the weights on others.",
    );
}

/** GPUs that experts are shared out to whole: the guide's 8, else as many as leave each a part that is whole blocks. */
function expertRanks({ model }: DeployRequest, gpus: number): number | undefined {
  const experts = model.architecture?.experts;
  if (!experts) return undefined;
  const isPossible = (ranks: number): boolean =>
    gpus % ranks === 0 &&
    experts.count % ranks === 0 &&
    (experts.feedForward / (gpus / ranks)) % fp8Block === 0;
  return [usualExpertRanks, gpus].find((ranks) => ranks <= gpus && isPossible(ranks));
}

function commands(request: DeployRequest, choice: Choice): Commands {
  const { cluster, port } = request;
  const { hosts, gpusPerHost } = cluster;
  const first = firstHost(cluster);
  const processes = hosts.length * gpusPerHost;
  const toolCalls = toolCallFlags(request, command);
  const serve = serveCommand(request, choice);
  const launch = ["trtllm-llmapi-launch", ...serve];
  const node: NodeCommand = {
    name: first.name,
    role: "serve",
    host: first,
    argv: hosts.length === 1 ? serve : [...mpirunCommand(request), ...launch],
    env: hosts.length === 1 ? {} : environmentOf(request),
    health: { port, path: "/health" },
  };
  return {
    nodes: [node],
    ...(hosts.length === 1 ? {} : { mpi: { processes, hosts, argv: launch } }),
    files: [
      optionsOf(request, choice),
      ...(hosts.length === 1 ? [] : [sshCheck(hosts, mpirunPort(request))]),
    ],
    endpoint: { host: first, port, protocol: toolCalls.protocol },
    notes: [
      ...(hosts.length === 1
        ? []
        : [
            "mpirun starts the processes by ssh: sh check-ssh.sh on each host (in its container, if it runs in one) says what is missing of the set-up.",
            `${optionsFile} has to be in the folder that mpirun is started in, on every host.`,
          ]),
      "K2's tokenizer needs blobfile: pip install blobfile on every host.",
      ...(request.modelType === undefined
        ? []
        : [
            `trtllm-serve takes no other model type: set "model_type": "${request.modelType}" in the checkpoint's config.json (Moonshot's guide).`,
          ]),
      ...(request.model.quantisation.startsWith("INT4")
        ? [
            "NVIDIA's recipe for Thinking serves its own conversion, nvidia/Kimi-K2-Thinking-NVFP4, not Moonshot's INT4.",
          ]
        : []),
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
    ["--max_batch_size", `${budget.sequences}`],
    ["--max_num_tokens", `${budget.batchedTokens}`],
    isContextSet ? ["--max_seq_len", `${context}`] : [],
    [config, optionsFile],
    ["--host", "0.0.0.0", "--port", `${port}`],
    toolCallFlags(request, command).flags,
    modelArgument,
  ].flat();
}

/** What has no flag. The guide's `padding_enabled` is called `enable_padding` in the releases. */
function optionsOf({ kvCache }: DeployRequest, { candidate, budget }: Choice): PlanFile {
  const most = budget.sequences;
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
