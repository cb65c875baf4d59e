import { clusterOf } from "../../src/cluster/cluster.ts";
import type { DeploymentPlan, EngineName } from "../../src/cluster/deployment-plan.ts";
import { knownVersions } from "../../src/cluster/engine-flags.ts";
import { findKnownModel } from "../../src/cluster/known-models.ts";
import { planDeployment } from "../../src/cluster/plan-deployment.ts";
import { deployRequest } from "./deploy-request.ts";
import { guideExamples, otherExamples, type PlanExample } from "./guide-examples.ts";

export interface EngineArguments {
  readonly engine: EngineName;
  readonly version: string;
  readonly argv: readonly string[];
}

/** The example's plan for Kimi-K2-Instruct, or for the checkpoint that it names. */
export async function examplePlan(
  { hardware, site = {}, wanted, known = "Kimi-K2-Instruct" }: PlanExample,
  engineVersion: string,
): Promise<DeploymentPlan> {
  const model = findKnownModel(known);
  if (!model) throw new Error(`${known} is not known`);
  const cluster = { ...clusterOf(hardware), ...site };
  return planDeployment(await deployRequest({ ...wanted, cluster, model, engineVersion }));
}

/** Every command of every example's plan, for every version whose flags are known. */
export async function engineArguments(): Promise<EngineArguments[]> {
  const all: EngineArguments[] = [];
  for (const example of [...guideExamples, ...otherExamples])
    for (const version of knownVersions(example.wanted.engine))
      for (const { argv } of (await examplePlan(example, version)).nodes)
        all.push({ engine: example.wanted.engine, version, argv });
  return all;
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Commands that the parsers refuse, each for one reason. */
export function refusedArguments(): readonly EngineArguments[] {
  const vllm = (text: string) => ({
    engine: "vllm" as const,
    version: "0.33.0",
    argv: words(text),
  });
  const sglang = (text: string) => ({
    engine: "sglang" as const,
    version: "0.5.23",
    argv: words(`python -m sglang.launch_server ${text}`),
  });
  return [
    vllm("vllm serve /models/k2 --enable-deepep-moe"),
    vllm("vllm serve /models/k2 --tensor-parallel-size many"),
    vllm("vllm serve /models/k2 --tensor-parallel-size"),
    vllm("vllm serve /models/k2 /models/k3"),
    vllm("vllm serve /models/k2 --dtype fp7"),
    vllm("vllm serve /models/k2 --data-parallel 8"),
    vllm("vllm serve /models/k2 --headless=yes"),
    vllm("vllm serve /models/k2 --max-model-len 128kb"),
    vllm("ray start --num-gpus eight"),
    vllm("ray start --num-gp 8"),
    vllm("ray start --head=1"),
    sglang("--model-path /models/k2 --enable-deepep-moe"),
    sglang("--model-path /models/k2 --cuda-graph-bs 480"),
    sglang("--model-path /models/k2 --tool-call-parser kimi"),
    {
      engine: "tensorrt-llm",
      version: "1.3.0rc3",
      argv: words("trtllm-serve serve m --tp-size 8"),
    },
    { engine: "tensorrt-llm", version: "1.3.0rc3", argv: words("trtllm-serve serve --tp_size 8") },
    sglang("--tp 8"),
    sglang("/models/k2 --model-path /models/k2"),
  ];
}

/** Spellings that the parsers accept besides the usual one. */
export function unusualArguments(): readonly EngineArguments[] {
  const vllm = (text: string) => ({
    engine: "vllm" as const,
    version: "0.33.0",
    argv: words(text),
  });
  return [
    vllm("vllm serve /models/k2 --tensor_parallel_size=8 -pp 2 --max-model-len 128k"),
    vllm("vllm serve --port 8000 /models/k2"),
    vllm("vllm serve /models/k2 --compilation-config.mode 3 --no-enable-chunked-prefill"),
    vllm("vllm serve /models/k2 -O2"),
    vllm("vllm serve /models/k2 --served-model-name a b --seed -1"),
    vllm("ray start --head --port=6379 --labels=a=b"),
  ];
}
