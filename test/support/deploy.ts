/** `kimi deploy` as a process. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { DeployLaunchOptions } from "../../src/cli/deploy-launch.ts";
import type { DeploymentPlan } from "../../src/cluster/deployment-plan.ts";
import { environment, newFolder, type KimiOutcome } from "./kimi.ts";

export const deployChild = join(import.meta.dirname, "deploy-child.ts");

/** Settings and records of their own for one test. */
export interface DeployHome {
  readonly env: NodeJS.ProcessEnv;
}

export function newDeployHome(): DeployHome {
  const home = newFolder();
  return { env: environment({ HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home }) };
}

export interface RunningDeploy {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when what it printed matches; rejects if it ends before. */
  until(pattern: RegExp): Promise<void>;
  readonly ended: Promise<KimiOutcome>;
}

export function deploy({ env }: DeployHome, args: readonly string[]): RunningDeploy {
  const child = spawn(process.execPath, [deployChild, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  const watchers = new Set<() => void>();
  const notify = (): void => watchers.forEach((watch) => watch());
  child.stdout.setEncoding("utf8").on("data", (text: string) => ((stdout += text), notify()));
  child.stderr.setEncoding("utf8").on("data", (text: string) => ((stderr += text), notify()));
  const ended = new Promise<KimiOutcome>((resolve) =>
    child.on("close", (code) => resolve({ stdout, stderr, code })),
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  return {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          if (pattern.test(stdout) || pattern.test(stderr)) resolve();
        };
        watchers.add(watch);
        watch();
        void ended.then(() => reject(new Error(`it ended without ${pattern}: ${stdout}${stderr}`)));
      }),
    ended,
  };
}

export function launchArguments(plan: DeploymentPlan, options: DeployLaunchOptions): string[] {
  const file = join(newFolder(), "plan.json");
  writeFileSync(file, JSON.stringify(plan));
  return ["launch", file, JSON.stringify(options)];
}
