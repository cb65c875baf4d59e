import { join } from "node:path";
import type { DeploymentPlan } from "../cluster/deployment-plan.ts";
import { findDeployment, listDeployments } from "../cluster/launch/deployment-record.ts";
import {
  deploymentStatus,
  endpointUrl,
  stopDeployment,
  type DeploymentStatus,
} from "../cluster/launch/deployment-status.ts";
import { launchPlan, type RunningDeployment } from "../cluster/launch/launch-plan.ts";
import { readConfigFile } from "../config/config-file.ts";
import { builtInProfiles } from "../config/profiles.ts";
import { exitCodes, usageError, type ExitCode } from "../errors.ts";
import { setEndpoint } from "./config-command.ts";
import { launchProgress, type LaunchProgress } from "./deploy-progress.ts";
import { Interruption } from "./interruption.ts";
import { deploymentFolder, userConfigFile } from "./setup.ts";
import { StopSignals } from "./stop-signals.ts";

export interface DeployLaunchOptions {
  /** Of the deployment and of its profile. */
  readonly name: string;
  /** Returns when it can serve, and leaves it running. */
  readonly isDetached?: boolean;
  /** Every node on this machine. */
  readonly isLocal?: boolean;
  /** Shows every line of the logs. */
  readonly isFollowing?: boolean;
  readonly timeoutSeconds?: number;
  readonly graceSeconds?: number;
  readonly connectTimeoutSeconds?: number;
  readonly sshConfigFile?: string | undefined;
  /** A line of shell before each program. */
  readonly setup?: string | undefined;
  /** On the hosts; `.cache/kimi/deploy/NAME` in the user's home if left out. */
  readonly folder?: string | undefined;
}

/** An hour: a terabyte of weights has to be read. */
const launchTimeoutSeconds = 3_600;
const stopGraceSeconds = 30;
const hostConnectTimeoutSeconds = 10;

/**
 * Starts a plan's nodes, registers the endpoint as a profile, prints its address on standard output, and stays until
 * Ctrl-C, which stops them.
 * @throws KimiError after everything that was started is stopped.
 */
export async function launchDeployment(
  plan: DeploymentPlan,
  options: DeployLaunchOptions,
): Promise<ExitCode> {
  const { name, isDetached = false } = options;
  if (Object.hasOwn(builtInProfiles, name))
    throw usageError(`${name} is a built-in profile`, "Choose another name with --name.");
  readConfigFile(userConfigFile); // a damaged one is told of before anything is started
  const signals = new StopSignals();
  const progress = launchProgress({
    stream: process.stderr,
    nodes: plan.nodes.map((node) => ({ name: node.name, host: node.host.name })),
    isFollowing: options.isFollowing ?? false,
  });
  try {
    const running = await start(plan, options, { signals, progress });
    progress.settle();
    await registered(running, { plan, name });
    progress.say(`ready: kimi chat --profile ${name}`);
    process.stdout.write(`${running.url}\n`);
    if (isDetached) {
      await running.detach();
      progress.say(`it goes on running: kimi deploy stop ${name} ends it`);
      return exitCodes.done;
    }
    progress.say("Ctrl-C stops it");
    return await untilStopped(running, signals);
  } catch (thrown) {
    if (thrown instanceof Interruption) return thrown.exitCode;
    throw thrown;
  } finally {
    progress.settle();
    signals.end();
  }
}

interface Running {
  readonly signals: StopSignals;
  readonly progress: LaunchProgress;
}

function start(
  plan: DeploymentPlan,
  options: DeployLaunchOptions,
  { signals, progress }: Running,
): Promise<RunningDeployment> {
  const { name, setup, sshConfigFile, isLocal = false } = options;
  return launchPlan({
    plan,
    name,
    setup,
    folder: options.folder ?? join(".cache", "kimi", "deploy", name),
    stateFolder: deploymentFolder,
    reach: {
      isLocal,
      sshConfigFile,
      connectTimeoutSeconds: options.connectTimeoutSeconds ?? hostConnectTimeoutSeconds,
    },
    timeoutMs: (options.timeoutSeconds ?? launchTimeoutSeconds) * 1_000,
    graceSeconds: options.graceSeconds ?? stopGraceSeconds,
    signal: signals.signal,
    hurry: signals.hurry,
    onEvent: progress.onEvent,
  });
}

/** Stops it when the settings can't be written. */
async function registered(
  running: RunningDeployment,
  { plan, name }: { readonly plan: DeploymentPlan; readonly name: string },
): Promise<void> {
  try {
    const { servedName, endpoint } = plan;
    setEndpoint(name, {
      "base-url": running.url,
      model: servedName,
      protocol: endpoint.protocol,
    });
  } catch (thrown) {
    await running.stop();
    throw thrown;
  }
}

async function untilStopped(
  running: RunningDeployment,
  { signal }: StopSignals,
): Promise<ExitCode> {
  const asked = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const failure = await Promise.race([asked, running.failure]);
  await running.stop();
  if (failure) throw failure;
  throw signal.reason;
}

export interface StatusOptions {
  readonly json: boolean;
  /** Absent: all of them. */
  readonly name?: string | undefined;
}

/** @throws KimiError when there is none of the name. */
export async function deployStatusText({ json, name }: StatusOptions): Promise<string> {
  const records =
    name === undefined
      ? listDeployments(deploymentFolder)
      : [findDeployment(deploymentFolder, name)];
  const all = await Promise.all(records.map((record) => deploymentStatus(record)));
  if (json) return `${JSON.stringify(all, undefined, 2)}\n`;
  return all.length === 0 ? "no deployments\n" : all.map(statusText).join("\n");
}

function statusText(status: DeploymentStatus): string {
  const rows = status.nodes.map(({ node, host, state, processes, exitStatus, reason }) => {
    const detail = {
      running: `${processes} processes`,
      ended: endText(exitStatus),
      unreachable: reason,
    };
    return `  ${node}  ${host}  ${state}  ${detail[state] ?? ""}`.trimEnd() + "\n";
  });
  const answers = status.isAnswering ? "answers" : "does not answer";
  return `${status.name}: ${status.model} on ${status.engine}, since ${status.createdAt}\n  ${status.url} ${answers}\n${rows.join("")}`;
}

function endText(exitStatus: number | undefined): string {
  return exitStatus === undefined ? "" : `exit status ${exitStatus}`;
}

/** Ends a deployment, also one whose program was killed. @throws KimiError as `stopNodes` does. */
export async function stopDeploymentCommand(
  name: string,
  { graceSeconds = stopGraceSeconds }: { readonly graceSeconds?: number } = {},
): Promise<ExitCode> {
  const record = findDeployment(deploymentFolder, name);
  const signals = new StopSignals();
  const hurry = new AbortController();
  signals.signal.addEventListener("abort", () => hurry.abort(), { once: true });
  const { onEvent, say } = launchProgress({
    stream: { write: (text: string | Uint8Array) => process.stderr.write(text) },
    nodes: record.plan.nodes.map((node) => ({ name: node.name, host: node.host.name })),
    isFollowing: false,
  });
  try {
    await stopDeployment(deploymentFolder, record, { graceSeconds, hurry: hurry.signal, onEvent });
  } finally {
    signals.end();
  }
  say(`${endpointUrl(record)} is gone; the profile ${name} stays`);
  return exitCodes.done;
}
