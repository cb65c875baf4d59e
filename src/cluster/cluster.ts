/** The machines that a plan is for. */
import { isIPv6 } from "node:net";
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
  /** `[USER@]NAME[:SSH-PORT]`, as many as nodes. */
  readonly hosts?: readonly string[] | undefined;
}

/** A single node that is not named is where the plan is launched. */
const thisHost = "localhost";
/** More are no cluster of one model. */
export const mostGpus = 4_096;

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
  const gpusPerHost = gpus / count;
  const named = hosts?.map((text) => hostOf(text, gpusPerHost));
  const addresses = named?.map(({ address }) => address) ?? [];
  const twice = addresses.find((address, index) => addresses.indexOf(address) !== index);
  if (twice !== undefined)
    throw usageError(`--hosts names ${twice} twice`, "Each node is a host of its own.");
  return {
    accelerator,
    gpusPerHost,
    hosts:
      named ??
      Array.from({ length: count }, (_, index) => ({
        name: `node-${index}`,
        address: count === 1 ? thisHost : `node-${index}`,
        gpus: gpusPerHost,
      })),
    hasStandIns: hosts === undefined && count > 1,
  };
}

function requireCount(option: string, value: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= mostGpus) return;
  throw usageError(
    `${option} ${value} is no number of them`,
    `Give a whole number from 1 to ${mostGpus}.`,
  );
}

function hostOf(text: string, gpus: number): Host {
  const parts = /^(?:([^@\s]+)@)?(?:\[([^\]]+)\]|([^:[\]]+)|([0-9a-fA-F:]+))(?::(\d+))?$/.exec(
    text,
  );
  const [, sshUser, bracketed, name, plainV6, port] = parts ?? [];
  const address = bracketed ?? name ?? plainV6 ?? "";
  if (!isAddress(address) || (port !== undefined && !isPort(Number(port))))
    throw usageError(
      `--hosts names ${JSON.stringify(text)}, which is no host`,
      "A host is a name or an address: a,b or root@10.0.0.1:2233,root@10.0.0.2:2233.",
    );
  return {
    name: fileName(address),
    address,
    gpus,
    ...(sshUser === undefined ? {} : { sshUser }),
    ...(port === undefined ? {} : { sshPort: Number(port) }),
  };
}

/** The one that answers, or that starts the others. */
export function firstHost({ hosts }: Cluster): Host {
  const [first] = hosts;
  if (!first) throw new Error("a cluster has a host");
  return first;
}

/** A name of the DNS, or an IP address. */
export function isAddress(text: string): boolean {
  return isIPv6(text) || /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(text);
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

/** An address as a name that files and processes can have. */
export function fileName(address: string): string {
  return address.replaceAll(":", "-");
}

/** `10.0.0.1:50000`, `[fd00::1]:50000`. */
export function withPort(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
