import type { DeploymentPlan } from "../deployment-plan.ts";

/** Whether the GPUs are AMD's Instinct: `MI300X`. */
export function isAmd({ memory }: DeploymentPlan): boolean {
  return /^MI\d/i.test(memory.accelerator);
}

/**
 * The engine's own image for the plan's version; `undefined` where none is known by its version alone: KTransformers
 * publishes none of its SGLang, and the tags of SGLang's for ROCm name ROCm's release and the GPU, too.
 */
export function engineImage(plan: DeploymentPlan): string | undefined {
  const version = plan.engineVersion.replace(/^v/, "");
  switch (plan.engine) {
    case "vllm":
      return `vllm/vllm-openai${isAmd(plan) ? "-rocm" : ""}:v${version}`;
    case "sglang":
      return isAmd(plan) ? undefined : `lmsysorg/sglang:v${version}`;
    case "tensorrt-llm":
      return `nvcr.io/nvidia/tensorrt-llm/release:${version}`;
    case "ktransformers":
      return undefined;
  }
}

/** What the image must hold, where none is known. */
export function imageContents({ engine, engineVersion }: DeploymentPlan): string {
  return engine === "ktransformers"
    ? `kt-kernel and sglang-kt ${engineVersion}`
    : `SGLang ${engineVersion} for ROCm (lmsysorg/sglang has them, tags ending in mi30x or mi35x)`;
}

/** Whether the model is a name on Hugging Face. */
export function isDownloaded({ model }: DeploymentPlan): boolean {
  return !model.startsWith("/");
}

const pathFlags = new Set(["--kt-weight-path", "--tokenizer", "--tokenizer-path"]);

/** Absolute paths of models that the commands read: to be seen in the container under the same name. */
export function modelFolders({ model, nodes }: DeploymentPlan): string[] {
  const flagged = nodes.flatMap(({ argv }) =>
    argv.filter((_, index) => pathFlags.has(argv[index - 1] ?? "")),
  );
  const paths = [...new Set([model, ...flagged])].filter((path) => path.startsWith("/"));
  return paths.filter(
    (path) => !paths.some((other) => path.startsWith(`${other.replace(/\/$/, "")}/`)),
  );
}

/** Whether a command names InfiniBand devices, which a container must be given. */
export function usesInfiniBand({ nodes }: DeploymentPlan): boolean {
  return nodes.some(
    ({ argv, env }) =>
      argv.some((word) => word.startsWith("--disaggregation-ib-device")) ||
      Object.keys(env).includes("NCCL_IB_HCA"),
  );
}
