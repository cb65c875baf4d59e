/** What will not work with a model, or not well, and why. */
import type { CheckpointHead } from "./checkpoint-head.ts";
import type { Architecture } from "./architecture.ts";
import { folderProblems, ggufProblems } from "./describe-format-problems.ts";
import type { DescribeOptions, ModelDescription } from "./describe-model.ts";
import { bundledRelease } from "./llama-architectures.ts";

export interface Problem {
  /** `error`: it will not run as it is; `warning`: it runs, with a defect; `note`: good to know. */
  readonly severity: "error" | "warning" | "note";
  /** A stable name for scripts. */
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
}

type Described = Omit<ModelDescription, "problems">;

export function findProblems(
  head: CheckpointHead,
  described: Described,
  options: DescribeOptions,
): Problem[] {
  const found = [
    ...missing(head),
    ...architectureProblems(head, described),
    ...(head.format === "gguf" ? ggufProblems(head, options) : folderProblems(head)),
    ...(options.setsYarnBetas ? [] : yarnProblems(described.architecture, head)),
    ...contextProblems(described.architecture, options.context),
    ...templateProblems(head, described),
  ];
  const order = ["error", "warning", "note"];
  return found.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

function missing({ missingFiles, missingTensors, tensors, metadata }: CheckpointHead): Problem[] {
  const total = Number(metadata.get("split.tensors.count") ?? tensors.length);
  const lacks = (code: string, message: string): Problem => ({
    severity: "error",
    code,
    message,
    remedy:
      "Download what is missing; all files of a model lie in one folder under their own names.",
  });
  if (missingFiles.length > 0)
    return [
      lacks("missing-file", `${countOf(missingFiles, "file")} missing: ${listed(missingFiles)}`),
    ];
  if (missingTensors.length > 0) {
    const what = `${countOf(missingTensors, "tensor")} of the index in no file`;
    return [lacks("missing-tensor", `${what}: ${listed(missingTensors)}`)];
  }
  if (total === tensors.length) return [];
  return [lacks("missing-tensor", `the file speaks of ${total} tensors and has ${tensors.length}`)];
}

function architectureProblems(head: CheckpointHead, { architecture }: Described): Problem[] {
  if (!architecture) {
    return [
      {
        severity: "note",
        code: "no-config",
        message: "there is no config.json: only the weights of this file are described",
      },
    ];
  }
  const { name, llamaName, layers, attention, modelType } = architecture;
  if (llamaName === undefined) {
    return [
      {
        severity: "error",
        code: "unknown-architecture",
        message: `the bundled llama.cpp (${bundledRelease}) does not know the architecture ${name}`,
        remedy: "Serve it with vLLM or SGLang and use --base-url.",
      },
    ];
  }
  // llama.cpp reads these counts of layers as the models without compressed queries (§4.2).
  const isLite = layers === 26 || layers === 27;
  const hasQueryRank = attention.type === "mla" && attention.qLoraRank !== undefined;
  const found: Problem[] = [];
  if (llamaName === "deepseek2" && attention.type === "mla" && isLite === hasQueryRank) {
    found.push({
      severity: "error",
      code: "layer-count",
      message: `llama.cpp expects ${isLite ? "no " : ""}compressed queries (q_lora_rank) with ${layers} layers`,
    });
  }
  if (modelType === "kimi_k25" || head.tensors.some(({ name }) => name.includes("vision_tower"))) {
    found.push({
      severity: "note",
      code: "no-vision",
      message: "images are not supported: only the language model is used",
    });
  }
  return found;
}

/** What llama.cpp takes for architectures whose loader does not read the keys (§4.11). */
const [usualBetaFast, usualBetaSlow] = [32, 1];

function yarnProblems(
  architecture: Architecture | undefined,
  { metadata }: CheckpointHead,
): Problem[] {
  if (architecture?.llamaName !== "deepseek2" || architecture.rope.scaling !== "yarn") return [];
  const { betaFast, betaSlow } = architecture.rope;
  if (betaFast === undefined) {
    if (metadata.get("tokenizer.ggml.pre") !== "kimi-k2") return [];
    return [
      {
        severity: "warning",
        code: "yarn-betas",
        message:
          "the file does not say its YaRN betas, and llama.cpp takes 32 and 1; K2-Instruct's are 1 and 1",
        remedy: "llama-server --yarn-beta-fast 1 --yarn-beta-slow 1",
      },
    ];
  }
  if (betaFast === usualBetaFast && (betaSlow ?? usualBetaSlow) === usualBetaSlow) return [];
  return [
    {
      severity: "warning",
      code: "yarn-betas",
      message: `llama.cpp ${bundledRelease} does not honour its YaRN betas (${betaFast}, ${betaSlow ?? 1}) unless they are given: rotary frequencies are wrong without`,
      remedy: `llama-server --yarn-beta-fast ${betaFast} --yarn-beta-slow ${betaSlow ?? 1}`,
    },
  ];
}

function contextProblems(architecture: Architecture | undefined, context = 0): Problem[] {
  const trained = architecture?.context ?? 0;
  if (trained === 0 || context <= trained) return [];
  return [
    {
      severity: "warning",
      code: "context",
      message: `a context of ${context} tokens is beyond the ${trained} that it was trained for`,
    },
  ];
}

function templateProblems(head: CheckpointHead, { template }: Described): Problem[] {
  if (!template) {
    if (head.files.length === 0 || head.format === "config") return [];
    return [
      {
        severity: "note",
        code: "no-template",
        message: "there is no chat template: kimi needs none, other programs do",
      },
    ];
  }
  if (template.faults.length === 0) return [];
  return [
    {
      severity: "note",
      code: "template",
      message: `its chat template differs from what K2 was trained on: ${template.faults.join("; ")}`,
      remedy: "kimi writes prompts itself; for another server give it the current template.",
    },
  ];
}

function countOf(list: readonly unknown[], noun: string): string {
  return list.length === 1 ? `1 ${noun} is` : `${list.length} ${noun}s are`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
