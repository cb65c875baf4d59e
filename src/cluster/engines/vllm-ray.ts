/** Ray, which joined vLLM's hosts before it had `--nnodes`. */
import { firstHost, withPort } from "../cluster.ts";
import type { NodeCommand } from "../deployment-plan.ts";
import type { DeployRequest } from "../serving-engine.ts";
import { environmentOf } from "./network-environment.ts";

export const rayPort = 6_379;

/** Before `--nnodes` several hosts were joined by Ray, which the guide only mentions. */
export function rayNodes(request: DeployRequest): NodeCommand[] {
  const { address } = firstHost(request.cluster);
  return request.cluster.hosts.map((host, index) => ({
    name: `ray-${index}`,
    role: "worker",
    host,
    argv: [
      "ray",
      "start",
      "--block",
      ...(index === 0
        ? ["--head", `--port=${rayPort}`]
        : [`--address=${withPort(address, rayPort)}`]),
    ],
    env: environmentOf(request),
    ...(index === 0 ? { peerPorts: [rayPort] } : {}),
  }));
}
