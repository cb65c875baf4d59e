import { Option, type Command } from "commander";
import { usageError } from "../errors.ts";
import type { SetExitCode } from "./conversation-commands.ts";

const conversionTypes = "f32, bf16, f16, q8_0, q6_k, q5_k_m, q4_k_m, q4_0, q3_k_m, q2_k";

/** `kimi models …`: local models; what each needs is loaded when it runs. */
export function addModels(program: Command, exit: SetExitCode): void {
  const models = program.command("models").description("look at, get and plan local models");
  const load = () => import("./models-command.ts");
  const json = ["--json", "print JSON"] as const;
  models
    .command("list", { isDefault: true })
    .description("list the models that were pulled")
    .option(...json)
    .action(async (options: { json?: boolean }) => {
      process.stdout.write((await load()).listModelsText({ json: options.json ?? false }));
    });
  models
    .command("inspect <model>")
    .description("what a .gguf file, a checkpoint's folder, a URL or hf:ORG/NAME holds and needs")
    .option("--context <tokens>", "the context that is wanted")
    .option(...json)
    .action(async (model: string, options: { json?: boolean; context?: string }) => {
      const context = countOf(options.context, "--context");
      const text = await (
        await load()
      ).inspectModel(model, { json: options.json ?? false, context });
      process.stdout.write(text);
    });
  models
    .command("plan <model>")
    .description("what goes where on this machine or another, and how fast it will be")
    .option("--context <tokens>", "the context that is wanted")
    .option("--gpu-memory <list>", "memory of each GPU: 24G,24G, with @GB/s after it; none")
    .option("--ram <size>", "memory of the machine: 512G")
    .option("--ram-bandwidth <number>", "of the memory, in GB/s")
    .addOption(new Option("--kv-type <type>", "of the KV cache").choices(["f16", "q8_0"]))
    .option("--threads <count>", "threads on the CPU")
    .option("--gpu-layers <count>", "layers on the GPUs: auto, or a number")
    .option(
      "--n-cpu-moe <count>",
      "first layers whose experts stay on the CPU: auto, all, or a number",
    )
    .option("--type <type>", "what a checkpoint is to be converted to")
    .option(...json)
    .action(async (model: string, options: PlanFlags) => {
      const { threads, gpuLayers, nCpuMoe, ramBandwidth, context, ...rest } = options;
      const text = await (
        await load()
      ).planModel(model, {
        ...rest,
        json: options.json ?? false,
        context: countOf(context, "--context"),
        threads: countOf(threads, "--threads"),
        gpuLayers: gpuLayers === "auto" ? undefined : countOf(gpuLayers, "--gpu-layers"),
        nCpuMoe: layersOf(nCpuMoe),
        ramBandwidth: countOf(ramBandwidth, "--ram-bandwidth"),
      });
      process.stdout.write(text);
    });
  models
    .command("convert <checkpoint> <output>")
    .description("make a .gguf file of a checkpoint's folder; goes on where it was stopped")
    .option("--type <type>", `of the weights: ${conversionTypes}`, "q8_0")
    .option("--split-max-size <size>", "split into files no larger: 50G, 500M")
    .option("--threads <count>", "threads; every core if left out")
    .option("--dry-run", "print the tensors, files and sizes, write nothing")
    .option("--overwrite", "replace a file that is there")
    .action(async (source: string, output: string, options: ConvertFlags) => {
      const [{ convert }, { checkpointFolder }, { quantizerModule }] = await Promise.all([
        import("./convert-command.ts"),
        load(),
        import("../engine/local/native-addon.ts"),
      ]);
      const [from, quantizer] = [checkpointFolder(source), quantizerModule()];
      exit(await convert({ source: from, output, ...options, quantizerModule: quantizer }));
    });
  models
    .command("pull <model>")
    .description("download hf:ORG/NAME[:QUANTISATION] or a URL; goes on where it was cut off")
    .option("--sha256 <sum>", "what the file must add up to")
    .action(async (model: string, options: { sha256?: string }) => {
      exit(await (await load()).pullModelCommand(model, options));
    });
  models
    .command("path <model>")
    .description("print where a pulled model is")
    .action(async (model: string) => {
      process.stdout.write((await load()).modelPathText(model));
    });
  models
    .command("rm <models...>")
    .description("remove pulled models")
    .action(async (names: string[]) => {
      process.stdout.write((await load()).removeModelsText(names));
    });
}

interface ConvertFlags {
  readonly type: string;
  readonly splitMaxSize?: string;
  readonly threads?: string;
  readonly dryRun?: boolean;
  readonly overwrite?: boolean;
}

interface PlanFlags {
  readonly json?: boolean;
  readonly context?: string;
  readonly gpuMemory?: string;
  readonly ram?: string;
  readonly ramBandwidth?: string;
  readonly kvType?: string;
  readonly threads?: string;
  readonly gpuLayers?: string;
  readonly nCpuMoe?: string;
  readonly type?: string;
}

function layersOf(text: string | undefined): number | undefined {
  if (text === "all") return Number.POSITIVE_INFINITY;
  return text === "auto" ? undefined : countOf(text, "--n-cpu-moe");
}

/** @throws KimiError for what is no whole number. */
function countOf(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) {
    throw usageError(
      `${option}: ${text} is not a whole number`,
      "kimi models --help lists what there is.",
    );
  }
  return Number(text);
}
