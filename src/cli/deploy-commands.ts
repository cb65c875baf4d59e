import { Option, type Command } from "commander";
import { usageError } from "../errors.ts";
import type { SetExitCode } from "./conversation-commands.ts";

/** `kimi deploy …`: clusters; what each needs is loaded when it runs. */
export function addDeploy(program: Command, exit: SetExitCode): void {
  const deploy = program
    .command("deploy")
    .description("plan and start K2 on a cluster, with vllm, sglang, ktransformers or tensorrt-llm")
    .argument("<engine>", "vllm, sglang, ktransformers, tensorrt-llm")
    .argument("[flags...]", "more of the engine's own, after --")
    .option("--gpus <count>", "GPUs of all nodes together")
    .option("--gpu <name>", "what they are: h200, b200, mi300x …")
    .option("--nodes <count>", "hosts that share the GPUs; eight on each if left out")
    .option("--hosts <list>", "names or addresses of the nodes, with commas between")
    .option("--inventory <file>", "YAML that says all of that, and more, of each host")
    .option("--model <model>", "a folder, or hf:ORG/NAME", "moonshotai/Kimi-K2-Instruct")
    .option("--served-model-name <name>", "what clients call it; kimi-k2 if left out")
    .option("--context <tokens>", "of a request: 131072 or 128k; as many as fit if left out")
    .option("--concurrency <count>", "requests at a time")
    .addOption(
      new Option(
        "--layout <name>",
        "tensor parallel, with stages, data and expert parallel, split",
      ).choices(["tp", "tp-pp", "dp-ep", "split"]),
    )
    .option("--split <prefill:decode>", "nodes that compute prompts and nodes that decode: 4:12")
    .addOption(
      new Option("--kv-cache <type>", "of the KV cache").choices(["auto", "fp8"]).default("auto"),
    )
    .option("--port <port>", "of the endpoint", "8000")
    .option("--model-type <name>", "deepseek_v3 for engines that do not know kimi_k2")
    .option("--engine-version <version>", "whose flags are written; the newest known if left out")
    .option("--ram <size>", "of a host, for ktransformers: 2T")
    .option("--cpu <kind>", "of a host, for ktransformers: amx, avx512, avx2")
    .option("--cpu-weights <folder>", "where ktransformers' experts are")
    .addOption(
      new Option("--format <format>", "of the plan").choices([
        "text",
        "script",
        "slurm",
        "compose",
        "kubernetes",
        "json",
      ]),
    )
    .option("-o, --output-dir <folder>", "write the plan's files there")
    .option("--overwrite", "replace files that are there")
    .option("--launch", "start it: over ssh, by mpirun, or here")
    .option("--name <name>", "of the deployment and of its profile; the engine's if left out")
    .option("--detach", "leave it running when it is ready")
    .option("--follow", "show every line of the nodes' logs")
    .option("--setup <line>", "of shell before each program: . /opt/vllm/bin/activate")
    .option("--ssh-config <file>", "for ssh, in place of the user's own")
    .option("--timeout <minutes>", "to wait until it is ready; 60 if left out")
    .action(async (engine: string, engineFlags: string[], options: DeployFlags) => {
      const { deploy: run } = await import("./deploy-command.ts");
      exit(
        await run(engine, {
          ...options,
          engineFlags,
          gpus: countOf(options.gpus, "--gpus"),
          nodes: countOf(options.nodes, "--nodes"),
          context: tokensOf(options.context, "--context"),
          concurrency: countOf(options.concurrency, "--concurrency"),
          port: portOf(options.port),
          timeoutSeconds: secondsOf(options.timeout),
        }),
      );
    });
  deploy
    .command("status")
    .description("what runs of the deployments that were launched, or of one")
    .argument("[name]", "of a deployment")
    .option("--json", "print JSON")
    .action(async (name: string | undefined, options: { json?: boolean }) => {
      const { deployStatusText } = await import("./deploy-launch.ts");
      process.stdout.write(await deployStatusText({ name, json: options.json ?? false }));
    });
  deploy
    .command("stop")
    .description("stop a deployment on every node")
    .argument("<name>", "of a deployment")
    .action(async (name: string) => {
      const { stopDeploymentCommand } = await import("./deploy-launch.ts");
      exit(await stopDeploymentCommand(name));
    });
}

export interface DeployFlags {
  readonly gpu?: string;
  readonly gpus?: string;
  readonly nodes?: string;
  readonly hosts?: string;
  readonly inventory?: string;
  readonly model: string;
  readonly servedModelName?: string;
  readonly context?: string;
  readonly concurrency?: string;
  readonly layout?: string;
  readonly split?: string;
  readonly kvCache: string;
  readonly port: string;
  readonly modelType?: string;
  readonly engineVersion?: string;
  readonly ram?: string;
  readonly cpu?: string;
  readonly cpuWeights?: string;
  readonly format?: string;
  readonly outputDir?: string;
  readonly overwrite?: boolean;
  readonly launch?: boolean;
  readonly name?: string;
  readonly detach?: boolean;
  readonly follow?: boolean;
  readonly setup?: string;
  readonly sshConfig?: string;
  readonly timeout?: string;
}

/** @throws KimiError for what is no whole number from 1 on. */
function countOf(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number(text) > 0) return Number(text);
  throw usageError(`${option} ${text} is no count`, "Give a whole number from 1 on.");
}

/** Minutes, up to a week: a timer can't be much longer. */
function secondsOf(minutes: string | undefined): number | undefined {
  const count = countOf(minutes, "--timeout");
  if (count === undefined || count <= 10_080) return count === undefined ? undefined : 60 * count;
  throw usageError(`--timeout ${minutes} is too long`, "Give minutes, up to 10080: a week.");
}

/** `128k` are 131,072. */
function tokensOf(text: string | undefined, option: string): number | undefined {
  const parts = /^(\d+)(k?)$/i.exec(text ?? "0");
  if (text === undefined) return undefined;
  const tokens = Number(parts?.[1] ?? 0) * (parts?.[2] ? 1_024 : 1);
  if (tokens > 0) return tokens;
  throw usageError(`${option} ${text} is no number of tokens`, "Write 131072 or 128k.");
}

function portOf(text: string): number {
  const port = countOf(text, "--port") ?? 0;
  if (port <= 65_535) return port;
  throw usageError(`--port ${text} is none`, "Give one from 1 to 65535.");
}
