/** mpirun, as Moonshot's guide starts TensorRT-LLM on several hosts. */
import { usageError } from "../../errors.ts";
import { withPort } from "../cluster.ts";
import type { DeployRequest } from "../serving-engine.ts";
import { environmentOf } from "./network-environment.ts";
import { containerSshPort } from "./ssh-check.ts";

/** What stands before the program: a process for each GPU. */
export function mpirunCommand(request: DeployRequest): string[] {
  const { hosts, gpusPerHost } = request.cluster;
  return [
    ["mpirun", "-np", `${hosts.length * gpusPerHost}`],
    ["-H", hosts.map(({ address }) => withPort(address, gpusPerHost)).join(",")],
    sshFlags(request),
    exportFlags(request),
    "--allow-run-as-root",
  ].flat();
}

/** How mpirun's ssh gets to the others; hosts that are named may leave it to ssh's own settings. */
function sshFlags(request: DeployRequest): string[] {
  const [first] = request.cluster.hosts;
  const port = mpirunPort(request);
  const words = [
    ...(port === undefined ? [] : ["-p", `${port}`]),
    ...(first?.sshUser === undefined ? [] : ["-l", first.sshUser]),
  ];
  return words.length === 0 ? [] : ["-mca", "plm_rsh_args", words.join(" ")];
}

/** @throws KimiError for hosts that differ: mpirun has one set of arguments for all. */
export function mpirunPort({ cluster: { hosts, hasStandIns } }: DeployRequest): number | undefined {
  const [first] = hosts;
  const other = hosts.find(
    ({ sshPort, sshUser }) => sshPort !== first?.sshPort || sshUser !== first?.sshUser,
  );
  if (other)
    throw usageError(
      `mpirun reaches all hosts by the same ssh port and user, and ${other.name} has others than ${first?.name}`,
      "Give them the same, or leave them to ~/.ssh/config.",
    );
  return first?.sshPort ?? (hasStandIns ? containerSshPort : undefined);
}

/** What the ranks on other hosts get of the environment that the first one has. */
function exportFlags(request: DeployRequest): string[] {
  return ["PATH", ...Object.keys(environmentOf(request))].flatMap((name) => ["-x", name]);
}
