/** For every flag of a program commands that use it rightly and wrongly, to compare two judges of them. */
import type { Flag, ProgramFlags } from "../../src/cluster/engine-flags.ts";

const right = { text: "x", int: "3", float: "0.5", size: "128k", json: "{}" } as const;
const wrong = { int: "x", float: "x", size: "x", json: "x" } as const;

// vLLM reads the file of --config, and takes either NAME=PATH or JSON with certain keys for --lora-modules.
const leftOut = new Set(["--config", "--lora-modules", "--help"]);

/** Arguments behind the program's name. */
export function sampleArguments({ flags, positionals }: ProgramFlags): readonly string[][] {
  const needed = (except?: Flag) => [
    ...positionals.map(() => "/models/k2"),
    ...flags.flatMap((flag) =>
      flag.required === true && flag !== except ? [flag.names[0] as string, ...valuesOf(flag)] : [],
    ),
  ];
  return flags
    .filter(({ names }) => !names.some((name) => leftOut.has(name)))
    .flatMap((flag) =>
      flag.names.flatMap((name) => usesOf(flag, name).map((use) => [...needed(flag), ...use])),
    );
}

function usesOf(flag: Flag, name: string): readonly string[][] {
  if (flag.takes === 0) return [[name], [`${name}=1`]];
  const uses = [[name, ...valuesOf(flag)], [name]];
  // argparse reads `-qx` as `-q x`.
  if (name.startsWith("--")) uses.push([`${name}-no-such`, "1"]);
  const { choices, type = "text" } = flag;
  if (choices !== undefined) return [...uses, [name, "no-such-choice"]];
  return type === "text" ? uses : [...uses, [name, wrong[type]]];
}

function valuesOf({ takes, choices, type = "text" }: Flag): readonly string[] {
  const value = choices?.[0] ?? right[type];
  return Array.from({ length: typeof takes === "number" ? takes : 1 }, () => value);
}
