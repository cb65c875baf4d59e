/** What `kimi deploy` is asked for. */
import { nearest } from "../config/nearest.ts";
import { usageError } from "../errors.ts";
import type { DeployFlags } from "./deploy-commands.ts";

/** The flags, their numbers read. */
export interface DeployOptions extends Omit<
  DeployFlags,
  "gpus" | "nodes" | "context" | "concurrency" | "port" | "timeout"
> {
  /** Of the engine's own, for every command that serves the model. */
  readonly engineFlags: readonly string[];
  readonly gpus?: number | undefined;
  readonly nodes?: number | undefined;
  readonly context?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly port: number;
  readonly timeoutSeconds?: number | undefined;
}

/** @throws KimiError for options that would change nothing. */
export function refuseWhatIsIgnored(engine: string, options: DeployOptions): void {
  const { layout, split, launch: isLaunch } = options;
  const given = (...names: (keyof DeployOptions)[]): string[] =>
    names
      .filter((name) => options[name] !== undefined && options[name] !== false)
      .map((name) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  const refuse = (flags: readonly string[], why: string, hint: string): void => {
    if (flags[0] !== undefined) throw usageError(`${flags[0]} ${why}`, hint);
  };
  if (engine !== "ktransformers")
    refuse(
      given("ram", "cpu", "cpuWeights"),
      "is for ktransformers",
      `${engine} keeps the whole model on the GPUs.`,
    );
  if (engine !== "sglang" || (layout !== undefined && layout !== "split"))
    refuse(
      split === undefined ? [] : ["--split"],
      `goes with sglang's layout split`,
      "Leave it out, or plan for sglang without --layout.",
    );
  if (engine === "tensorrt-llm")
    refuse(
      given("servedModelName"),
      "is no option of trtllm-serve",
      "It calls the model by its folder.",
    );
  if (isLaunch)
    refuse(
      given("format", "outputDir", "overwrite"),
      "has no use with --launch, which starts the plan",
      "Leave out the one or the other.",
    );
  else
    refuse(
      [
        ...given("name", "detach", "follow", "setup", "sshConfig"),
        ...(options.timeoutSeconds === undefined ? [] : ["--timeout"]),
      ],
      "is for --launch",
      "Add --launch to start the plan.",
    );
  for (const name of ["servedModelName", "modelType", "model"] as const)
    if (options[name] === "")
      throw usageError(`${given(name)[0] ?? name} is empty`, "Give a name, or leave it out.");
}

/** @throws KimiError with the nearest of the names. */
export function requireOne<const Name extends string>(
  what: string,
  text: string,
  names: readonly Name[],
): Name {
  const found = names.find((name) => name === text.toLowerCase());
  if (found) return found;
  const like = nearest(text, names);
  throw usageError(
    what === "engine" ? `there is no engine ${text}` : `${what} ${text} is none`,
    like ? `Did you mean ${like}?` : `Give one of ${names.join(", ")}.`,
  );
}
