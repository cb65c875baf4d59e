/** What `kimi deploy` calls, in a process of its own: launch PLAN-FILE OPTIONS, status [NAME], status-json, stop NAME [OPTIONS]. */
import { readFileSync } from "node:fs";
import {
  deployStatusText,
  launchDeployment,
  stopDeploymentCommand,
  type DeployLaunchOptions,
} from "../../src/cli/deploy-launch.ts";
import { reportError } from "../../src/cli/report-error.ts";
import type { DeploymentPlan } from "../../src/cluster/deployment-plan.ts";

const [action, first = "", second = "{}"] = process.argv.slice(2);

async function run(): Promise<number> {
  switch (action) {
    case "launch": {
      const plan = JSON.parse(readFileSync(first, "utf8")) as DeploymentPlan;
      return launchDeployment(plan, JSON.parse(second) as DeployLaunchOptions);
    }
    case "status":
    case "status-json":
      process.stdout.write(
        await deployStatusText({
          json: action === "status-json",
          name: first === "" ? undefined : first,
        }),
      );
      return 0;
    default:
      return stopDeploymentCommand(first, JSON.parse(second) as { graceSeconds?: number });
  }
}

process.exitCode = await run().catch((thrown: unknown) => reportError(thrown, { debug: false }));
