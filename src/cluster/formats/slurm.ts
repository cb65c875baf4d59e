import type { DeploymentPlan, NodeCommand, PlanFile } from "../deployment-plan.ts";
import { shellQuote } from "../shell-quote.ts";
import {
  addressedCommand,
  addressedHosts,
  type AddressedCommand,
  type AddressedText,
} from "./addressed-text.ts";
import { addressVariables, hostsOf } from "./addresses.ts";
import { commentText, planTitle, resourceName, withoutStandIns } from "./plan-words.ts";
import { addressedWord, commandText, escapedInQuotes } from "./shell-command.ts";

/**
 * One script for `sbatch`. It writes the plan's files into a folder of the job, starts each process by an `srun` of its own
 * (an MPI program by one `srun --mpi=pmix`), and ends all of them as soon as one ends.
 */
export function slurmText(plan: DeploymentPlan): string {
  const steps = plan.nodes.map((node) => stepText(node, plan)).join("\n");
  return [
    `#!/usr/bin/env bash\n${directives(plan)}${commentText(comments(plan))}set -euo pipefail\n`,
    folderText(plan),
    addressText(plan),
    `${steps}
# The first process that ends, ends the job, with its exit status.
wait -n
`,
  ].join("\n");
}

function directives(plan: DeploymentPlan): string {
  const gpus = Math.max(...hostsOf(plan).map((host) => host.gpus));
  const options = [
    `--job-name=${resourceName(plan.servedName)}`,
    `--nodes=${machinesOf(plan).length}`,
    `--ntasks-per-node=${tasksPerNode(plan)}`,
    ...(gpus > 0 ? [`--gpus-per-node=${gpus}`] : []),
    "--exclusive",
    "--output=%x-%j.out",
  ];
  return options.map((option) => `#SBATCH ${option}\n`).join("");
}

function comments(plan: DeploymentPlan): string[] {
  const notes = withoutStandIns(plan.notes).filter(
    (note) => plan.mpi === undefined || !/\bmpirun\b/.test(note),
  );
  return [
    `${planTitle(plan)}.`,
    "Start it with: sbatch FILE. The job's output begins with the address for clients.",
    "The engine is started as it is installed on the nodes. In a container with Pyxis, add --container-image=IMAGE (and --container-mounts) to each srun.",
    ...notes.map((note) => `Note: ${note}`),
  ];
}

/** The names of the hosts that are one node of the job: a host without GPUs, such as a router's, shares the first. */
function machinesOf(plan: DeploymentPlan): string[][] {
  const hosts = hostsOf(plan);
  const withGpus = hosts.filter(({ gpus }) => gpus > 0);
  if (withGpus.length === 0) return hosts.map(({ name }) => [name]);
  const others = hosts.filter(({ gpus }) => gpus === 0).map(({ name }) => name);
  return withGpus.map(({ name }, index) => (index === 0 ? [name, ...others] : [name]));
}

function tasksPerNode({ mpi }: DeploymentPlan): number {
  return mpi === undefined ? 1 : Math.ceil(mpi.processes / mpi.hosts.length);
}

/** The plan's files that a job reads: a check of the ssh between hosts is mpirun's, and srun needs none. */
export function jobFiles({ files, mpi }: DeploymentPlan): readonly PlanFile[] {
  return files.filter(({ path }) => mpi === undefined || path !== "check-ssh.sh");
}

function folderText(plan: DeploymentPlan): string {
  return `folder="\${SLURM_SUBMIT_DIR:-$PWD}/job-\${SLURM_JOB_ID}"
mkdir -p -- "$folder"
cd -- "$folder"
${jobFiles(plan).map(fileText).join("")}`;
}

function fileText({ path, content, isExecutable = false }: PlanFile): string {
  const name = shellQuote(path);
  const folder = path.includes("/") ? `mkdir -p -- "$(dirname -- ${name})"\n` : "";
  const mode = isExecutable ? `chmod 755 -- ${name}\n` : "";
  if (!content.endsWith("\n"))
    return `${folder}printf '%s' ${shellQuote(content)} > ${name}\n${mode}`;
  const lines = content.split("\n");
  let end = "END";
  while (lines.includes(end)) end += "_";
  return `${folder}cat > ${name} <<'${end}'\n${content}${end}\n${mode}`;
}

/** Only of the hosts that a step or its command names. */
function addressText(plan: DeploymentPlan): string {
  const { nodes, endpoint, servedName } = plan;
  const variables = addressVariables(plan);
  const used = new Set(nodes.flatMap((node) => [...addressedHosts(stepOf(node, plan))]));
  used.add(endpoint.host.name);
  for (const node of nodes) if (!isMpi(node, plan)) used.add(node.host.name);
  const lines = machinesOf(plan).flatMap((names, index) =>
    names
      .filter((name) => used.has(name))
      .map((name) => `${variables.get(name) ?? ""}="\${hosts[${index}]}"\n`),
  );
  const host = variables.get(endpoint.host.name) ?? "";
  return `names="$(scontrol show hostnames "$SLURM_JOB_NODELIST")"
mapfile -t hosts <<< "$names"
${lines.join("")}
echo "${escapedInQuotes(servedName)}: http://\${${host}}:${endpoint.port}/v1"

processes=()
stop() {
  kill "\${processes[@]}" 2> /dev/null || true
  wait
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
`;
}

function stepText(node: NodeCommand, plan: DeploymentPlan): string {
  const { argv, env } = stepOf(node, plan);
  const word = (text: AddressedText): string => addressedWord(text, plan, { areNames: true });
  const variable = addressVariables(plan).get(node.host.name) ?? "";
  const { mpi } = plan;
  const where =
    mpi !== undefined && isMpi(node, plan)
      ? `--mpi=pmix --nodes=${mpi.hosts.length} --ntasks=${mpi.processes} --ntasks-per-node=${tasksPerNode(plan)}`
      : `--overlap --nodes=1 --ntasks=1 --nodelist="\${${variable}}"`;
  const lines = [
    `srun ${where} --cpu-bind=none`,
    ...Object.entries(env).map(
      ([name, value], index) => `    ${index === 0 ? "env " : "    "}${name}=${word(value)}`,
    ),
    commandText(argv.map(word), "    "),
  ];
  return `# ${node.name} (${node.role})\n${lines.join(" \\\n")} &\nprocesses+=("$!")\n`;
}

/** What a step runs: an MPI program without its `mpirun`. */
function stepOf(node: NodeCommand, plan: DeploymentPlan): AddressedCommand {
  const argv = isMpi(node, plan) ? (plan.mpi?.argv ?? []) : node.argv;
  return addressedCommand({ argv, env: node.env }, plan);
}

function isMpi({ argv }: NodeCommand, { mpi }: DeploymentPlan): boolean {
  return mpi !== undefined && endsWith(argv, mpi.argv);
}

function endsWith(argv: readonly string[], end: readonly string[]): boolean {
  const tail = argv.slice(-end.length);
  return end.length > 0 && tail.every((word, index) => word === end[index]);
}
