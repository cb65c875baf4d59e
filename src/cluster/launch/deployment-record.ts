import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { KimiError, messageOf, usageError } from "../../errors.ts";
import type { DeploymentPlan } from "../deployment-plan.ts";
import type { Reach } from "./host-connection.ts";

/** A deployment that was launched and not yet stopped: all that another process needs to find and stop it. */
export interface DeploymentRecord {
  readonly version: 1;
  readonly name: string;
  /** Of this launch alone. */
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** The process that launched it, and when that was started, in the system's own count. */
  readonly launcher: {
    readonly pid: number;
    readonly started: string | undefined;
    readonly host: string;
  };
  /** Of commands, logs and pids, on every host. */
  readonly folder: string;
  readonly reach: Reach;
  readonly plan: DeploymentPlan;
  /** The process that is stopping it. */
  readonly stoppedBy?: number;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function checkDeploymentName(name: string): void {
  if (namePattern.test(name) && !name.endsWith(".json")) return;
  throw usageError(
    `${JSON.stringify(name)} is no name for a deployment`,
    "Use up to 64 letters, digits, dots, dashes and underscores.",
  );
}

/** In the order of their names; damaged ones are left out. */
export function listDeployments(stateFolder: string): DeploymentRecord[] {
  let names: string[] = [];
  try {
    names = readdirSync(stateFolder).filter((name) => name.endsWith(".json"));
  } catch {
    return []; // nothing was ever launched
  }
  return names.sort().flatMap((name) => {
    const record = readRecord(join(stateFolder, name));
    return record ? [record] : [];
  });
}

/** @throws KimiError when there is none of the name. */
export function findDeployment(stateFolder: string, name: string): DeploymentRecord {
  checkDeploymentName(name);
  const record = readRecord(pathOf(stateFolder, name));
  if (record) return record;
  const names = listDeployments(stateFolder).map((one) => one.name);
  throw new KimiError(`there is no deployment ${name}`, {
    code: "unknown-deployment",
    exitCode: 2,
    hint: names.length === 0 ? "None is running." : `There are: ${names.join(", ")}.`,
  });
}

export function launcherOf(pid: number): DeploymentRecord["launcher"] {
  return { pid, started: startOf(pid), host: hostname() };
}

/** Whether the process that launched it still runs, as far as this machine knows. */
export function isLauncherAlive({ launcher }: DeploymentRecord): boolean {
  if (launcher.host !== hostname()) return false;
  try {
    process.kill(launcher.pid, 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return launcher.started === startOf(launcher.pid);
}

/** @returns the record that has the name already, or nothing when it is this one's now */
export function claimName(
  stateFolder: string,
  record: DeploymentRecord,
): DeploymentRecord | undefined {
  const path = pathOf(stateFolder, record.name);
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${JSON.stringify(record, undefined, 1)}\n`, { mode: 0o600 });
    linkSync(draft, path); // whole from the start, and only if there is none
    return undefined;
  } catch (cause) {
    const holder = readRecord(path);
    if (holder) return holder;
    throw new KimiError(`${path} can't be written: ${messageOf(cause)}`, {
      code: "deployment-record",
      hint: "Make room and check the rights; a damaged file there can be removed.",
      cause,
    });
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Says that a stop has begun, to the program that holds the deployment. */
export function markStopping(stateFolder: string, record: DeploymentRecord): void {
  const path = pathOf(stateFolder, record.name);
  const draft = `${path}.${process.pid}`;
  try {
    const marked: DeploymentRecord = { ...record, stoppedBy: process.pid };
    writeFileSync(draft, `${JSON.stringify(marked, undefined, 1)}\n`, { mode: 0o600 });
    renameSync(draft, path);
  } catch {
    rmSync(draft, { force: true }); // a full disk must not keep anything running
  }
}

/** Whether another program stops it, or has. */
export function isStoppedElsewhere(stateFolder: string, { name, id }: DeploymentRecord): boolean {
  const now = readRecord(pathOf(stateFolder, name));
  if (now?.id !== id) return true;
  return now.stoppedBy !== undefined && now.stoppedBy !== process.pid;
}

/** Takes a record away, unless another launch has its name meanwhile. */
export function releaseName(stateFolder: string, { name, id }: DeploymentRecord): void {
  const path = pathOf(stateFolder, name);
  const aside = `${path}.${process.pid}.old`;
  try {
    renameSync(path, aside);
  } catch {
    return; // it is gone
  }
  try {
    if (readRecord(aside)?.id !== id) linkSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}

function pathOf(stateFolder: string, name: string): string {
  return join(stateFolder, `${name}.json`);
}

function readRecord(path: string): DeploymentRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(path, "utf8")) as Partial<DeploymentRecord> | null;
    const isWhole =
      record?.version === 1 &&
      typeof record.name === "string" &&
      typeof record.id === "string" &&
      Array.isArray(record.plan?.nodes) &&
      typeof record.folder === "string" &&
      typeof record.reach === "object";
    return isWhole ? (record as DeploymentRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** When a process was started; `undefined` of one that is gone, or where the system is not Linux. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before these fields is in brackets and may hold any character.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
