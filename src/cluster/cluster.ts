/** The machines that a plan is for. */
import { usageError } from "../errors.ts";
import { findAccelerator, type Accelerator } from "./accelerators.ts";
import type { Host } from "./deployment-plan.ts";

export interface Cluster {
  readonly accelerator: Accelerator;
  readonly gpusPerHost: number;
  /** At least one, all with as many GPUs. */
  readonly hosts: readonly Host[];
  /** Nobody said what the hosts are called: `node-0` stands for one. */
  readonly hasStandIns: boolean;
  /** Of a host; absent where it was not said. */
  readonly ramBytes?: number | undefined;
  /** Bytes a second. */
  readonly ramBandwidth?: number | undefined;
  readonly numaNodes?: number | undefined;
  /** Physical ones. */
  readonly cores?: number | undefined;
  readonly hasAmx?: boolean | undefined;
  /** InfiniBand devices, such as `mlx5_0`, for a prefill/decode split. */
  readonly infinibandDevices?: readonly string[] | undefined;
  /** Of the network between hosts, as `NCCL_SOCKET_IFNAME` has it. */
  readonly networkInterface?: string | undefined;
}

export interface ClusterOptions {
  readonly gpu: string;
  /** All together. */
  readonly gpus: number;
  /** As few of the accelerator's usual hosts as hold the GPUs, if left out. */
  readonly nodes?: number | undefined;
  /** Names or addresses, as many as nodes. */
  readonly hosts?: readonly string[] | undefined;
}

/** A single node that is not named is where the plan is launched. */
const thisHost = "localhost";

/** Hosts with eight GPUs each have 16 of two. @throws KimiError for numbers that do not go together. */
export function clusterOf({ gpu, gpus, nodes, hosts }: ClusterOptions): Cluster {
  const accelerator = findAccelerator(gpu);
  requireCount("--gpus", gpus);
  if (nodes !== undefined) requireCount("--nodes", nodes);
  const count = nodes ?? hosts?.length ?? Math.ceil(gpus / accelerator.perHost);
  if (gpus % count !== 0)
    throw usageError(
      `${gpus} GPUs can't be shared evenly by ${count} nodes`,
      "--gpus counts all of them together: with eight on each of two nodes it is --gpus 16 --nodes 2.",
    );
  if (hosts && hosts.length !== count)
    throw usageError(
      `--hosts names ${hosts.length}, and there are ${count} nodes`,
      "Give one name or address for each node, with commas between.",
    );
  const twice = hosts?.find((host, index) => hosts.indexOf(host) !== index);
  if (twice !== undefined)
    throw usageError(`--hosts names ${twice} twice`, "Each node is a host of its own.");
  const gpusPerHost = gpus / count;
  return {
    accelerator,
    gpusPerHost,
    hosts: Array.from({ length: count }, (_, index) => ({
      name: `node-${index}`,
      address: hosts?.[index] ?? (count === 1 ? thisHost : `node-${index}`),
      gpus: gpusPerHost,
    })),
    hasStandIns: hosts === undefined && count > 1,
  };
}

function requireCount(option: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw usageError(`${option} ${value} is no number of them`, "Give a whole number from 1 on.");
}
