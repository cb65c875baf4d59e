import type { DeploymentPlan, Host, NodeCommand } from "../deployment-plan.ts";
import { resourceName } from "./plan-words.ts";

/** A leader and its workers, one pod each. */
export interface PodGroup {
  /** Of the Kubernetes object: `kimi-k2`, `kimi-k2-prefill`. */
  readonly name: string;
  readonly leader: NodeCommand;
  /** In the order of their indexes, from 1. */
  readonly workers: readonly NodeCommand[];
  /** Whether it is a LeaderWorkerSet; else a Deployment of the leader alone. */
  readonly isSet: boolean;
}

/** The processes as groups: all together, or the halves of a split and the router. */
export function podGroups(plan: DeploymentPlan): PodGroup[] {
  const leaders = plan.nodes.filter(({ role }) => role !== "worker");
  const stem = resourceName(plan.servedName);
  const isSplit = leaders.length > 1;
  return leaders.map((leader) => {
    const workers = plan.nodes.filter(
      (node) => node.role === "worker" && leaderOf(node, leaders, plan) === leader,
    );
    const isSet = workers.length > 0 || leader.role === "prefill" || leader.role === "decode";
    const suffix =
      leaders.filter(({ role }) => role === leader.role).length > 1 ? leader.name : leader.role;
    return { name: isSplit ? `${stem}-${resourceName(suffix)}` : stem, leader, workers, isSet };
  });
}

/** Its name says it (`decode-3` belongs to `decode-0`), else it stands behind its leader. */
function leaderOf(
  worker: NodeCommand,
  leaders: readonly NodeCommand[],
  { nodes }: DeploymentPlan,
): NodeCommand | undefined {
  const stem = (name: string): string => name.replace(/-\d+$/, "");
  const before = nodes.slice(0, nodes.indexOf(worker));
  return (
    leaders.find(({ name }) => stem(name) === stem(worker.name)) ??
    before.findLast(({ role }) => role !== "worker") ??
    leaders[0]
  );
}

/**
 * What Kubernetes replaces by a host's address in a pod of `group`: the leader's is LeaderWorkerSet's own variable, a
 * worker's the name that the set's headless service gives its pod. `own` is the host of the pod itself. A router shares
 * its host with a half of the split in some plans, and names that half by it, not itself.
 */
export function podAddress(
  host: Host,
  group: PodGroup,
  {
    groups,
    own,
  }: {
    readonly groups: readonly PodGroup[];
    readonly own: Host;
  },
): string {
  const isLeader = group.leader.host.name === host.name;
  if (group.isSet && isLeader) return "$(LWS_LEADER_ADDRESS)";
  const isRouter = group.leader.role === "router";
  if (host.name === own.name && !isRouter) return "$(POD_IP)";
  for (const { name, leader, workers, isSet } of [group, ...groups]) {
    if (!isSet) continue;
    if (leader.host.name === host.name) return `${name}-0.${name}`;
    const index = workers.findIndex((worker) => worker.host.name === host.name);
    if (index !== -1) return `${name}-0-${index + 1}.${name}`;
  }
  return host.name === own.name ? "$(POD_IP)" : host.address;
}
