import { usageError } from "../../errors.ts";
import type { DeploymentPlan, PlanFile } from "../deployment-plan.ts";
import type { Format } from "./write-format.ts";

/** Where the plan's files are in a container, and where its commands run. */
export const filesFolder = "/deploy";

/** Where an image's root user keeps models from Hugging Face. */
export const huggingFaceFolder = "/root/.cache/huggingface";

/**
 * `mpirun` reaches other hosts by ssh, and no engine's image runs a server of it: NVIDIA's own multi-node examples start
 * the processes by Slurm, or by an operator and images of their own.
 */
export function refuseMpi({ mpi }: DeploymentPlan, format: Format): void {
  if (mpi === undefined || mpi.hosts.length < 2) return;
  throw usageError(
    `--format ${format} can't start an MPI program on ${mpi.hosts.length} hosts: mpirun would need ssh between the containers`,
    "Use --format slurm, where srun starts the processes, or --format script in containers that reach each other by ssh.",
  );
}

/** A file's path as a key of `configs` or of a ConfigMap. */
export function fileKey({ path }: PlanFile): string {
  return path.replaceAll(/[^A-Za-z0-9._-]/g, "-");
}
