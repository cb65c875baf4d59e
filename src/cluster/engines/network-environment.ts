import type { DeployRequest } from "../serving-engine.ts";

/** Which network NCCL and Gloo use between hosts, if an inventory says it. */
export function environmentOf({ cluster }: DeployRequest): Record<string, string> {
  const { networkInterface, hosts } = cluster;
  if (networkInterface === undefined || hosts.length === 1) return {};
  return { GLOO_SOCKET_IFNAME: networkInterface, NCCL_SOCKET_IFNAME: networkInterface };
}
