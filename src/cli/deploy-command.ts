/** `kimi deploy ENGINE`. */
import { join } from "node:path";
import type { DeploymentPlan } from "../cluster/deployment-plan.ts";
import { saveFiles } from "../cluster/formats/save-files.ts";
import { formats, writeFormat } from "../cluster/formats/write-format.ts";
import { exitCodes, usageError, type ExitCode } from "../errors.ts";
import { withoutControls } from "../render/text.ts";
import { refuseWhatIsIgnored, requireOne, type DeployOptions } from "./deploy-options.ts";
import { planFromOptions } from "./deploy-plan.ts";

/** Prints the plan, writes it, or starts it. Returns the exit code. @throws KimiError */
export async function deploy(engine: string, options: DeployOptions): Promise<ExitCode> {
  refuseWhatIsIgnored(engine.toLowerCase(), options);
  const { plan, hasStandIns } = await planFromOptions(engine, options);
  if (options.launch && hasStandIns)
    throw usageError(
      "it is not said where the nodes are",
      "Name them with --hosts a,b or in an --inventory.",
    );
  if (options.launch) return launch(plan, options);
  const { stdout, files } = writeFormat(
    plan,
    requireOne("--format", options.format ?? "text", formats),
  );
  if (options.outputDir === undefined)
    process.stdout.write(process.stdout.isTTY ? withoutControls(stdout) : stdout);
  else {
    await saveFiles(options.outputDir, files, { force: options.overwrite ?? false });
    const paths = files.map(({ path }) => `${join(options.outputDir ?? "", path)}\n`);
    process.stdout.write(paths.join(""));
  }
  return exitCodes.done;
}

async function launch(plan: DeploymentPlan, options: DeployOptions): Promise<ExitCode> {
  const { name = plan.engine, detach = false, follow = false } = options;
  const { launchDeployment } = await import("./deploy-launch.ts");
  return launchDeployment(plan, {
    name,
    isDetached: detach,
    isFollowing: follow,
    setup: options.setup,
    sshConfigFile: options.sshConfig,
    ...(options.timeoutSeconds === undefined ? {} : { timeoutSeconds: options.timeoutSeconds }),
  });
}
