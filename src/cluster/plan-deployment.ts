/** `kimi deploy`'s work: from what there is and what is wanted to commands that start it. */
import { KimiError, usageError } from "../errors.ts";
import { attempts, chooseLayout } from "./choose-layout.ts";
import type { DeploymentPlan, EngineName } from "./deployment-plan.ts";
import { kTransformers } from "./engines/ktransformers.ts";
import { sglang } from "./engines/sglang.ts";
import { tensorRtLlm } from "./engines/tensorrt-llm.ts";
import { vllm } from "./engines/vllm.ts";
import { refuse } from "./refusal.ts";
import type { Choice, Commands, DeployRequest, ServingEngine } from "./serving-engine.ts";

const engines: Readonly<Record<EngineName, ServingEngine>> = {
  vllm,
  sglang,
  ktransformers: kTransformers,
  "tensorrt-llm": tensorRtLlm,
};

/** @throws KimiError for what does not fit, with what is missing and what would, and for what the engine can't do. */
export function planDeployment(request: DeployRequest): DeploymentPlan {
  const { model, engine } = request;
  if (!model.architecture || model.weights.layers.length === 0)
    throw new KimiError(`of ${model.location} is not known what its layers weigh`, {
      code: "no-plan",
      hint: "Give a checkpoint's folder or its name on Hugging Face, such as moonshotai/Kimi-K2-Instruct.",
    });
  const trained = model.architecture.context;
  if (request.context !== undefined && trained > 0 && request.context > trained)
    throw usageError(
      `--context ${request.context} is more than ${model.name} was trained for`,
      `It has ${trained} tokens.`,
    );
  const serving = engines[engine];
  const candidates = serving.candidates(request);
  if (candidates.length === 0) throw noLayout(request);
  const tried = attempts(request, candidates);
  const choice = chooseLayout(request, tried);
  if (!choice) throw refuse(request, tried, serving.candidates);
  const commands = serving.commands(request, choice);
  refuseTakenPort(commands);
  return {
    engine,
    engineVersion: request.engineVersion,
    model: request.modelArgument,
    servedName: request.servedName,
    layout: { ...choice.candidate.layout, reasons: reasons(request, choice) },
    memory: choice.memory,
    ...withCommonNotes(request, commands),
  };
}

/** The plan's own ports are fixed, and on one host with the endpoint's. */
function refuseTakenPort({ nodes, endpoint: { host, port } }: Commands): void {
  const onHost = nodes.filter((node) => node.host.name === host.name);
  const endpoint = onHost.findLast(({ health }) => health?.port === port);
  const taken = onHost.find(
    (node) => node.peerPorts?.includes(port) || (node !== endpoint && node.health?.port === port),
  );
  if (taken)
    throw usageError(
      `--port ${port} is taken: ${taken.name} listens there for the plan's other processes`,
      "Choose another, or leave it out.",
    );
}

function noLayout({ engine, layout, split, concurrency, cluster }: DeployRequest): KimiError {
  const gpus = cluster.hosts.length * cluster.gpusPerHost;
  const where = `${gpus} ${cluster.accelerator.name} on ${cluster.hosts.length} host${cluster.hosts.length === 1 ? "" : "s"}`;
  const wanted = layout ?? (split ? "split" : undefined);
  if (wanted !== undefined)
    return usageError(
      `${engine} has no layout ${wanted} for ${where}${concurrency === undefined ? "" : ` and ${concurrency} requests at a time`}`,
      "Leave it out, and one is chosen.",
    );
  return usageError(
    `${engine} has no layout for ${where}`,
    "1, 2, 4, 8 and 16 GPUs always have one; 24, 32 and 48 with data and expert parallelism.",
  );
}

function reasons(
  request: DeployRequest,
  { candidate, budget, context, isContextSet }: Choice,
): string[] {
  const usual = candidate.budgets[0];
  return [
    candidate.reason,
    ...(request.layout === undefined ? [] : ["It was asked for by --layout."]),
    ...(budget === usual
      ? []
      : [
          `It only fits with ${Math.round(budget.fraction * 100)} % of the memory and ${budget.batchedTokens} tokens a step: expect less speed at prefill.`,
        ]),
    ...(isContextSet && request.context === undefined
      ? [`The model's ${request.model.architecture?.context} tokens do not fit; ${context} do.`]
      : []),
  ];
}

function withCommonNotes(
  { cluster, model, modelArgument, modelType, engine }: DeployRequest,
  commands: Commands,
): Commands {
  const { accelerator, hosts, hasStandIns } = cluster;
  const notes = [
    ...(hasStandIns
      ? [
          `${hosts
            .map(({ address }) => address)
            .slice(0, 2)
            .join(
              ", ",
            )}${hosts.length > 2 ? ", …" : ""} stand for your hosts: name them with --hosts or an inventory.`,
        ]
      : []),
    ...(modelArgument.startsWith("/")
      ? []
      : [
          `Each host fetches ${modelArgument} from Hugging Face (${gigabytes(model.weights.total.bytes)}) if it has not got it: --model takes the folder that it lies in.`,
        ]),
    ...(modelType === undefined || engine === "tensorrt-llm"
      ? []
      : [
          `The engine reads the checkpoint's model_type as ${modelType}, without a change of its config.json (the workaround of Moonshot's guide).`,
        ]),
    ...(!accelerator.hasFp8 && model.quantisation.startsWith("FP8") && engine !== "ktransformers"
      ? [
          `${accelerator.name} does not multiply FP8: the engine unpacks the weights on the way (Marlin), which no published recipe of K2 uses.`,
        ]
      : []),
  ];
  return { ...commands, notes: [...notes, ...commands.notes] };
}

const gigabytes = (bytes: number): string => `${Math.round(bytes / 1e9)} GB`;
