import { KimiError } from "../../errors.ts";
import type { NodeCommand } from "../deployment-plan.ts";
import type { DeploymentRecord } from "./deployment-record.ts";
import { connectionTo } from "./host-connection.ts";
import type { LaunchEvent, StopOutcome } from "./launch-events.ts";
import { stopScript, type NodePlace } from "./node-scripts.ts";
import { runScript } from "./run-script.ts";

export interface StopOptions {
  /** How long a node has to end by itself before it is killed. */
  readonly graceSeconds: number;
  /** Aborted: the grace is over at once. */
  readonly hurry?: AbortSignal | undefined;
  readonly onEvent?: ((event: LaunchEvent) => void) | undefined;
}

export function placeOf({ id, folder }: DeploymentRecord, { name }: NodeCommand): NodePlace {
  return { id, folder, node: name };
}

/**
 * Ends all nodes at once, and returns when nothing of them runs any more.
 * @throws KimiError naming a host that can't be reached or a node that can't be ended; the others are ended all the same.
 */
export async function stopNodes(record: DeploymentRecord, options: StopOptions): Promise<void> {
  const { nodes } = record.plan;
  const { onEvent } = options;
  onEvent?.({ type: "stop", nodes: nodes.map(({ name }) => name) });
  const results = await Promise.allSettled(
    nodes.map(async (node) => {
      const how = await stopNode(record, node, options);
      onEvent?.({ type: "node-stop", node: node.name, how });
    }),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

async function stopNode(
  record: DeploymentRecord,
  node: NodeCommand,
  { graceSeconds, hurry }: StopOptions,
): Promise<StopOutcome> {
  const host = connectionTo(node.host, record.reach);
  const place = placeOf(record, node);
  const attempt = (seconds: number, signal: AbortSignal | undefined): Promise<string> =>
    runScript(host, stopScript(place, seconds), { signal, timeoutMs: (seconds + 60) * 1_000 });
  let said: string;
  try {
    said = await attempt(hurry?.aborted ? 0 : graceSeconds, hurry?.aborted ? undefined : hurry);
  } catch (thrown) {
    if (!hurry?.aborted || thrown instanceof KimiError) throw thrown;
    said = await attempt(0, undefined);
  }
  const outcome = said.trim();
  if (outcome === "gone" || outcome === "ended" || outcome === "killed") return outcome;
  throw new KimiError(`${node.name} does not end on host ${host.name}: ${outcome}`, {
    code: "not-stopped",
    hint: `Look at these processes there${host.ssh === undefined ? "" : `: ${host.ssh}`}.`,
  });
}
