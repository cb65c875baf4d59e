import { KimiError, messageOf } from "../../errors.ts";
import {
  isLauncherAlive,
  markStopping,
  releaseName,
  type DeploymentRecord,
} from "./deployment-record.ts";
import { statusOf } from "./health.ts";
import { connectionTo, httpUrl } from "./host-connection.ts";
import { statusScript } from "./node-scripts.ts";
import { runScript } from "./run-script.ts";
import { placeOf, stopNodes, type StopOptions } from "./stop-nodes.ts";

export interface NodeStatus {
  readonly node: string;
  readonly host: string;
  readonly state: "running" | "ended" | "unreachable";
  /** That live. */
  readonly processes: number;
  /** Of one that has ended, if it is known. */
  readonly exitStatus?: number | undefined;
  /** Why the host can't be asked. */
  readonly reason?: string | undefined;
  readonly log: string;
}

export interface DeploymentStatus {
  readonly name: string;
  readonly createdAt: string;
  readonly engine: string;
  readonly model: string;
  readonly url: string;
  /** Whether it answers, asked from here. */
  readonly isAnswering: boolean;
  /** Whether the program that launched it still holds it. */
  readonly isHeld: boolean;
  readonly nodes: readonly NodeStatus[];
}

/** Where the endpoint's chat completions are. */
export function endpointUrl({ plan, reach }: Pick<DeploymentRecord, "plan" | "reach">): string {
  const { host, port } = plan.endpoint;
  return httpUrl(connectionTo(host, reach).address, port, "/v1");
}

/** Asks every host at once; a host that does not answer is a state, no error. */
export async function deploymentStatus(
  record: DeploymentRecord,
  signal?: AbortSignal,
): Promise<DeploymentStatus> {
  const url = endpointUrl(record);
  const [status, ...nodes] = await Promise.all([
    statusOf(`${url}/models`, signal),
    ...record.plan.nodes.map((node) => nodeStatus(record, node, signal)),
  ]);
  signal?.throwIfAborted();
  const { name, createdAt, plan } = record;
  return {
    name,
    createdAt,
    engine: plan.engine,
    model: plan.servedName,
    url,
    isAnswering: status !== undefined && status < 500,
    isHeld: isLauncherAlive(record),
    nodes,
  };
}

async function nodeStatus(
  record: DeploymentRecord,
  node: DeploymentRecord["plan"]["nodes"][number],
  signal: AbortSignal | undefined,
): Promise<NodeStatus> {
  const host = connectionTo(node.host, record.reach);
  const shared = { node: node.name, host: host.name, log: `${record.folder}/${node.name}.log` };
  try {
    const said = await runScript(host, statusScript(placeOf(record, node)), {
      signal,
      timeoutMs: (record.reach.connectTimeoutSeconds + 30) * 1_000,
    });
    const [processes = 0, exitStatus] = said.trim().split(" ").map(Number);
    const state = processes > 0 ? "running" : "ended";
    return { ...shared, state, processes, ...(exitStatus === undefined ? {} : { exitStatus }) };
  } catch (thrown) {
    signal?.throwIfAborted();
    return { ...shared, state: "unreachable", processes: 0, reason: messageOf(thrown) };
  }
}

/** Ends a deployment on every host, also one whose program was killed, and forgets it. @throws as `stopNodes` does. */
export async function stopDeployment(
  stateFolder: string,
  record: DeploymentRecord,
  options: StopOptions,
): Promise<void> {
  markStopping(stateFolder, record);
  await stopNodes(record, options);
  releaseName(stateFolder, record);
}

/** @throws KimiError when something of the deployment may still run. */
export async function requireEnded(record: DeploymentRecord, signal: AbortSignal): Promise<void> {
  const { name } = record;
  const refuse = (what: string): never => {
    throw new KimiError(`the deployment ${name} ${what}`, {
      code: "name-in-use",
      hint: `kimi deploy stop ${name} ends it; or choose another name with --name.`,
    });
  };
  if (isLauncherAlive(record)) refuse(`is held by process ${record.launcher.pid}`);
  const { nodes } = await deploymentStatus(record, signal);
  const left = nodes.find(({ state }) => state !== "ended");
  if (left?.state === "running") refuse(`is running on host ${left.host}`);
  if (left) refuse(`may be running: ${left.reason}`);
}
