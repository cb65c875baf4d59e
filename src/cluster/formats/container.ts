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

/**
 * A worker that shares a host with another process, as Ray's do with the engine's, finds it by files in /tmp, which two
 * containers do not share. A router talks to the others by HTTP alone.
 */
export function refuseSharedHosts({ nodes }: DeploymentPlan, format: Format): void {
  const engines = nodes.filter(({ role }) => role !== "router");
  engines.forEach((node, index) => {
    const other = engines
      .slice(index + 1)
      .find(
        ({ host, role }) => host.name === node.host.name && [role, node.role].includes("worker"),
      );
    if (other === undefined) return;
    throw usageError(
      `--format ${format} starts each process in a container of its own, and ${node.name} and ${other.name} need each other's files on ${node.host.name}`,
      "Use --format script or slurm, where processes of a host share its /tmp.",
    );
  });
}

/** A file's path as a key of `configs` or of a ConfigMap. */
export function fileKey({ path }: PlanFile): string {
  return path.replaceAll(/[^A-Za-z0-9._-]/g, "-");
}
