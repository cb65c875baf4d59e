import type { DeploymentPlan, PlanFile } from "../deployment-plan.ts";
import { composeText } from "./compose.ts";
import { jsonText } from "./json.ts";
import { kubernetesText } from "./kubernetes.ts";
import { scriptFiles } from "./script.ts";
import { jobFiles, slurmText } from "./slurm.ts";
import { planText } from "./text.ts";

export const formats = ["text", "script", "slurm", "compose", "kubernetes", "json"] as const;
export type Format = (typeof formats)[number];

export interface FormattedPlan {
  /** What is printed if no folder is named. */
  readonly stdout: string;
  /** What a folder gets; the plan's own files are among them. */
  readonly files: readonly PlanFile[];
}

/** The plan in one of the formats. Fails with a KimiError where a format can't hold it. */
export function writeFormat(plan: DeploymentPlan, format: Format): FormattedPlan {
  switch (format) {
    case "text":
      return asFile("plan.txt", planText(plan), plan.files);
    case "json":
      return asFile("plan.json", jsonText(plan), plan.files);
    case "slurm":
      return asFile("job.sbatch", slurmText(plan), jobFiles(plan));
    case "compose":
      return asFile("compose.yaml", composeText(plan), plan.files);
    case "kubernetes":
      return asFile("kubernetes.yaml", kubernetesText(plan), plan.files);
    case "script":
      return asScripts(plan);
  }
}

function asFile(path: string, content: string, files: readonly PlanFile[]): FormattedPlan {
  return { stdout: content, files: [{ path, content }, ...files] };
}

/** A single script is printed as it is; several, and files, each below its name. */
function asScripts(plan: DeploymentPlan): FormattedPlan {
  const files = [...scriptFiles(plan), ...plan.files];
  const [first] = files;
  const stdout =
    files.length === 1 && first !== undefined
      ? first.content
      : files.map(({ path, content }) => `# ---- ${path} ----\n${content}`).join("\n");
  return { stdout, files };
}
