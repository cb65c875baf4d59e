import { randomUUID } from "node:crypto";
import { KimiError, messageOf } from "../../errors.ts";
import type { DeploymentPlan } from "../deployment-plan.ts";
import {
  checkDeploymentName,
  claimName,
  launcherOf,
  releaseName,
  type DeploymentRecord,
} from "./deployment-record.ts";
import { endpointUrl, requireEnded } from "./deployment-status.ts";
import type { Reach } from "./host-connection.ts";
import type { LaunchEvent } from "./launch-events.ts";
import { hostNeeds, preflight } from "./preflight.ts";
import { checkPlan, prepareHosts } from "./prepare-hosts.ts";
import { RunningNodes } from "./running-nodes.ts";

export interface LaunchOptions {
  readonly plan: DeploymentPlan;
  readonly name: string;
  /** Of commands, logs and pids, on every host: absolute, or relative to the user's home folder there. */
  readonly folder: string;
  /** Of the records of deployments, on this machine. */
  readonly stateFolder: string;
  readonly reach: Reach;
  /** A line of shell that is run before each program, to put it on the path for one. */
  readonly setup?: string | undefined;
  /** Till every health check answers. */
  readonly timeoutMs: number;
  /** How long a node has to end by itself when it is stopped. */
  readonly graceSeconds: number;
  /** Aborted: what was started is stopped. */
  readonly signal: AbortSignal;
  /** Aborted: what is being stopped is killed. */
  readonly hurry?: AbortSignal | undefined;
  readonly onEvent: (event: LaunchEvent) => void;
}

export interface RunningDeployment {
  /** Of the endpoint: `http://HOST:PORT/v1`. */
  readonly url: string;
  /** Resolves when a node ends by itself. */
  readonly failure: Promise<KimiError>;
  /** Ends every node; returns when nothing is left. */
  stop(): Promise<void>;
  /** Lets go of it: it goes on running, and nothing more is told of it. */
  detach(): Promise<void>;
}

/**
 * Starts a plan's nodes in their order and waits until all of them can serve. When that fails, whatever was started is
 * stopped before this throws.
 * @throws KimiError naming the host or node at fault; `signal.reason`.
 */
export async function launchPlan(options: LaunchOptions): Promise<RunningDeployment> {
  const { plan, reach, signal, setup, folder, stateFolder, onEvent } = options;
  checkDeploymentName(options.name);
  checkPlan(plan);
  const record = await claim(options);
  const timeoutMs = (reach.connectTimeoutSeconds + 60) * 1_000;
  try {
    const needs = hostNeeds(plan, reach);
    onEvent({ type: "preflight", hosts: needs.map(({ host }) => host.name) });
    const { connectTimeoutSeconds } = reach;
    await preflight(needs, { signal, setup, connectTimeoutSeconds });
    await prepareHosts({ plan, needs, folder, setup }, { signal, timeoutMs });
  } catch (thrown) {
    releaseName(stateFolder, record);
    throw thrown;
  }
  const nodes = new RunningNodes(record, options);
  try {
    await nodes.startAll(timeoutMs);
    await nodes.waitTillReady();
  } catch (thrown) {
    await nodes.stop().catch((cause: unknown) => {
      throw new KimiError(`${messageOf(thrown)}; then ${messageOf(cause)}`, {
        code: "not-stopped",
        hint: `kimi deploy stop ${options.name} tries again to stop it.`,
        cause,
      });
    });
    throw thrown;
  }
  const url = endpointUrl(record);
  onEvent({ type: "ready", url });
  return {
    url,
    failure: nodes.failure,
    stop: () => nodes.stop(),
    detach: () => nodes.letGo(),
  };
}

async function claim(options: LaunchOptions): Promise<DeploymentRecord> {
  const { name, plan, folder, reach, stateFolder, signal } = options;
  const record: DeploymentRecord = {
    version: 1,
    name,
    id: randomUUID(),
    createdAt: new Date().toISOString(),
    launcher: launcherOf(process.pid),
    folder,
    reach,
    plan,
  };
  for (let attempt = 0; attempt < 10; attempt++) {
    const holder = claimName(stateFolder, record);
    if (!holder) return record;
    await requireEnded(holder, signal);
    releaseName(stateFolder, holder);
  }
  throw new KimiError(`others launch ${name} at the same time`, {
    code: "name-in-use",
    hint: "Choose another name with --name.",
  });
}
