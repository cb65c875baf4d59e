import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeploymentPlan } from "../../../../src/cluster/deployment-plan.ts";
import { slurmText } from "../../../../src/cluster/formats/slurm.ts";
import { writeFormat } from "../../../../src/cluster/formats/write-format.ts";
import {
  allPlans,
  awkwardAddresses,
  hostsAt,
  plansOn,
  sglangSplit,
  standInHosts,
  tensorrtMpi,
  vllmDataParallel,
  vllmTensorParallel,
} from "../../../support/deployment-plans.ts";
import {
  addProgram,
  recordingPrograms,
  type RecordingPrograms,
} from "../../../support/recording-programs.ts";
import { hasShellcheck, shellcheck } from "../../../support/shellcheck.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kimi-slurm-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const started = ["vllm", "python", "trtllm-llmapi-launch"];

/** Once all of `count` have been called the first worker fails, and the others stay until they are stopped. */
const until = (count: number): string => `
until [ "$(ls "$calls" | grep -c '\\.done$')" -ge ${count} ]; do :; done
case "$*" in *--headless*) exit 3 ;; esac
[ ${count} -gt 1 ] && exec tail -f /dev/null
exit 0
`;

interface SlurmRun {
  readonly job: SpawnSyncReturns<string>;
  readonly programs: RecordingPrograms;
}

/** Runs the job with stand-ins: `scontrol` knows hosts `gpu-0`, …, `srun` starts the program here. */
function run(plan: DeploymentPlan): SlurmRun {
  const programs = recordingPrograms(folder, started, until(plan.nodes.length));
  addProgram(programs.bin, "scontrol", `#!/bin/sh\nseq -f 'gpu-%g' 0 15\n`);
  addProgram(
    programs.bin,
    "srun",
    `#!/bin/sh
options=
while [ "\${1#--}" != "$1" ]; do options="$options $1"; shift; done
SRUN_OPTIONS="$options" exec "$@"
`,
  );
  const script = join(folder, "job.sbatch");
  writeFileSync(script, slurmText(plan));
  mkdirSync(join(folder, "submitted"));
  const job = spawnSync("bash", [script], {
    encoding: "utf8",
    env: {
      PATH: `${programs.bin}:${process.env["PATH"] ?? ""}`,
      SLURM_JOB_ID: "17",
      SLURM_JOB_NODELIST: "gpu-[0-15]",
      SLURM_SUBMIT_DIR: join(folder, "submitted"),
    },
  });
  return { job, programs };
}

const onCluster = (word: string): string =>
  word.replaceAll(/(?<![\w-])node-(\d+)/g, (_, index: string) => `gpu-${index}`);

describe.each(allPlans())("%s", (_, plan) => {
  test.skipIf(!hasShellcheck)("shellcheck finds nothing in its job", () => {
    expect(shellcheck(slurmText(plan))).toBe("");
  });
});

describe.each(awkwardAddresses)("on hosts at %s, %s, %s and %s", (...addresses) => {
  const usual = new Map(plansOn(standInHosts(addresses.length)));

  test.each(plansOn(hostsAt(addresses)))("%s: the job is that of any hosts", (name, plan) => {
    expect(slurmText(plan)).toBe(slurmText(usual.get(name) ?? plan));
  });
});

test("each process runs on its own node with the plan's arguments and environment", () => {
  const plan = vllmTensorParallel;
  const { programs } = run(plan);
  const calls = programs.calls().map(({ argv, env }) => [env["SRUN_OPTIONS"], argv] as const);
  const expected = plan.nodes.map(({ argv }, index) => [
    ` --overlap --nodes=1 --ntasks=1 --nodelist=gpu-${index} --cpu-bind=none`,
    argv.map(onCluster),
  ]);
  expect(calls).toHaveLength(2);
  expect(calls).toEqual(expect.arrayContaining(expected));
});

test("a process that fails ends the job with its status, and the others", () => {
  const { job, programs } = run(vllmDataParallel());
  expect(job.status).toBe(3);
  expect(programs.calls()).toHaveLength(2);
  expect(programs.calls()[0]?.env).toMatchObject({ VLLM_USE_DEEP_GEMM: "1" });
});

test("the job's output begins with the address for clients", () => {
  expect(run(vllmTensorParallel).job.stdout).toBe("kimi-k2: http://gpu-0:8000/v1\n");
});

test("an MPI program is started by srun itself, in a folder with the plan's files", () => {
  const { job, programs } = run(tensorrtMpi);
  expect(job.status).toBe(0);
  const [call] = programs.calls();
  expect(call?.argv).toEqual(tensorrtMpi.mpi?.argv);
  expect(call?.env["TRTLLM_ENABLE_PDL"]).toBe("1");
  expect(call?.env["SRUN_OPTIONS"]).toBe(
    " --mpi=pmix --nodes=2 --ntasks=16 --ntasks-per-node=8 --cpu-bind=none",
  );
  expect(call?.folder).toBe(join(folder, "submitted", "job-17"));
  const file = tensorrtMpi.files[0];
  expect(readFileSync(join(call?.folder ?? "", file?.path ?? ""), "utf8")).toBe(file?.content);
});

test("files arrive byte for byte, whatever they hold", () => {
  const files = [
    { path: "conf/a b.yaml", content: "x: '$HOME'\nEND\nEND_\n`date`\n" },
    { path: "no-break", content: "it's \\ the end" },
    { path: "run", content: "#!/bin/sh\nexit 0\n", isExecutable: true },
  ];
  const text = slurmText({ ...tensorrtMpi, files });
  if (hasShellcheck) expect(shellcheck(text)).toBe("");
  run({ ...tensorrtMpi, files });
  for (const { path, content } of files) {
    expect(readFileSync(join(folder, "submitted", "job-17", path), "utf8")).toBe(content);
  }
  expect(spawnSync(join(folder, "submitted", "job-17", "run")).status).toBe(0);
});

test("the job asks for as many nodes, tasks and GPUs as the plan has", () => {
  expect(slurmText(tensorrtMpi)).toContain(`#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
`);
  expect(slurmText(sglangSplit())).toContain("#SBATCH --nodes=16\n#SBATCH --ntasks-per-node=1\n");
});

test("a router's host without GPUs is no node of its own", () => {
  const plan = sglangSplit();
  const host = { name: "front", address: "front", gpus: 0 };
  const nodes = plan.nodes.map((node) => (node.role === "router" ? { ...node, host } : node));
  const text = slurmText({ ...plan, nodes, endpoint: { host, port: 8000, protocol: "chat" } });
  expect(text).toContain("#SBATCH --nodes=16\n");
  expect(text).toContain('FRONT_ADDRESS="${hosts[0]}"\n');
});

test("what only mpirun needs is left out, since srun starts the processes", () => {
  expect(slurmText(tensorrtMpi)).not.toMatch(/mpirun|check-ssh/);
  expect(slurmText(tensorrtMpi)).toContain("# Note: Passwordless ssh between the hosts must work.");
  const paths = writeFormat(tensorrtMpi, "slurm").files.map(({ path }) => path);
  expect(paths).toEqual(["job.sbatch", "llm-api-config.yaml"]);
});
