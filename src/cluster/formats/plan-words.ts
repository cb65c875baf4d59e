import { wrapText } from "../../plain-text.ts";
import { hostsOf } from "./addresses.ts";
import type { DeploymentPlan, EngineName, Layout } from "../deployment-plan.ts";

const engines: Readonly<Record<EngineName, string>> = {
  vllm: "vLLM",
  sglang: "SGLang",
  ktransformers: "KTransformers",
  "tensorrt-llm": "TensorRT-LLM",
};

/** `vLLM 0.12.0, moonshotai/Kimi-K2-Instruct on 16 × H200 in 2 hosts: tensor parallel (TP16)`. */
export function planTitle(plan: DeploymentPlan): string {
  const { engine, engineVersion, model, memory, layout } = plan;
  const hosts = hostsOf(plan).filter(({ gpus }) => gpus > 0).length;
  const where = hosts > 1 ? ` in ${hosts} hosts` : "";
  const gpus = `${memory.gpus} × ${memory.accelerator}${where}`;
  return `${engines[engine]} ${engineVersion}, ${model} on ${gpus}: ${layoutText(layout)}`;
}

/** `data and expert parallel (DP16, EP16)`. */
function layoutText(layout: Layout): string {
  const { kind, split } = layout;
  const sizes = [
    ...(split === undefined ? [] : [`hosts ${split.prefill} + ${split.decode}`]),
    ...(
      [
        ["TP", layout.tensorParallel],
        ["PP", layout.pipelineParallel],
        ["DP", layout.dataParallel],
        ["EP", layout.expertParallel],
      ] as const
    )
      .filter(([, size]) => size > 1)
      .map(([name, size]) => `${name}${size}`),
  ];
  return sizes.length === 0 ? kind : `${kind} (${sizes.join(", ")})`;
}

/** Paragraphs as comments of a shell or of YAML: no text can end one. */
export function commentText(paragraphs: readonly string[]): string {
  return paragraphs
    .map((text) => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " "))
    .flatMap((text) => {
      const indent = /^ */.exec(text)?.[0] ?? "";
      const lines = wrapText(text.trim(), 0, 98 - indent.length).split("\n");
      return lines.map((line) => indent + line);
    })
    .map((line) => `# ${line}`.trimEnd() + "\n")
    .join("");
}

/** A word of the plan as a name that DNS, Docker and Slurm take: `kimi-k2`. */
export function resourceName(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replaceAll(/^[^a-z]+|-+$/g, "");
  return name === "" ? "kimi" : name;
}

/** Notes where a scheduler says what the nodes are called. */
export function withoutStandIns(notes: readonly string[]): readonly string[] {
  return notes.filter((note) => !note.includes("stand for your hosts"));
}
