/** For every flag of a program commands that use it rightly and wrongly, to compare two judges of them. */
import type { Flag, ProgramFlags } from "../../src/cluster/engine-flags.ts";

const right = { text: "x", int: "3", float: "0.5", size: "128k", json: "{}" } as const;
const wrong = { int: "x", float: "x", size: "x", json: "x" } as const;

/** Arguments behind the program's name. `--config` is left out, since vLLM reads its file. */
export function sampleArguments({ flags, positionals }: ProgramFlags): readonly string[][] {
  const needed = (except?: Flag) => [
    ...flags
      .filter((flag) => flag.required === true && flag !== except)
      .flatMap((flag) => [flag.names[0] as string, ...valuesOf(flag)]),
    ...positionals.filter(({ takes }) => takes === 1).map(() => "/models/k2"),
  ];
  return flags
    .filter(({ names }) => !names.includes("--config"))
    .flatMap((flag) =>
      flag.names.flatMap((name) => usesOf(flag, name).map((use) => [...needed(flag), ...use])),
    );
}

function usesOf(flag: Flag, name: string): readonly string[][] {
  if (flag.takes === 0) return [[name], [`${name}=1`]];
  const uses = [[name, ...valuesOf(flag)], [name], [`${name}-no-such`, "1"]];
  const { choices, type = "text" } = flag;
  if (choices !== undefined) return [...uses, [name, "no-such-choice"]];
  return type === "text" ? uses : [...uses, [name, wrong[type]]];
}

function valuesOf({ takes, choices, type = "text" }: Flag): readonly string[] {
  const value = choices?.[0] ?? right[type];
  return Array.from({ length: typeof takes === "number" ? takes : 1 }, () => value);
}
