/** The stored flags and our reading of them against the engines' own parsers, which are installed for it. */
import { describe, expect, test } from "vitest";
import {
  askErrors,
  askFlags,
  installEngine,
  venvOf,
} from "../../scripts/engine-flags/engine-venv.ts";
import { checkArguments } from "../../src/cluster/check-arguments.ts";
import { engineNames } from "../../src/cluster/deployment-plan.ts";
import {
  knownVersions,
  readEngineFlags,
  type EngineFlags,
} from "../../src/cluster/engine-flags.ts";
import {
  engineArguments,
  refusedArguments,
  unusualArguments,
  type EngineArguments,
} from "../support/engine-arguments.ts";
import { sampleArguments } from "../support/flag-samples.ts";
import { writeFlags } from "../../scripts/engine-flags/write-flags.ts";

const planned = await engineArguments();

// PyPI has only a stub of TensorRT-LLM.
const engines = engineNames.filter((engine) => engine !== "tensorrt-llm");
const versions = engines.flatMap((engine) =>
  knownVersions(engine).map((version) => ({ engine, version })),
);

describe.each(versions)("$engine $version", ({ engine, version }) => {
  const venv = venvOf(engine, version);
  const isOurs = (command: EngineArguments) =>
    command.engine === engine && command.version === version;

  test("has the flags that are stored", async () => {
    installEngine(venv);
    const stored = await readEngineFlags(engine, version);
    const asked = { ...stored, commands: askFlags(venv).commands };
    expect(writeFlags(asked)).toBe(writeFlags(stored));
  });

  test("accepts every command that we give it, and so do we", async () => {
    installEngine(venv);
    const commands = [...planned, ...unusualArguments()].filter(isOurs);
    const flags = await readEngineFlags(engine, version);
    expect(judge(flags, commands)).toEqual(commands.map(({ argv }) => accepted(argv)));
  });

  const refused = refusedArguments().filter(isOurs);
  test.skipIf(refused.length === 0)("refuses what we refuse", async () => {
    installEngine(venv);
    const judged = judge(await readEngineFlags(engine, version), refused);
    expect(judged.filter(({ theirs, ours }) => theirs === null || ours.length === 0)).toEqual([]);
  });

  test("judges every flag as we do, with a right value, a wrong one and none", async () => {
    installEngine(venv);
    const flags = await readEngineFlags(engine, version);
    const commands = Object.entries(flags.commands).flatMap(([name, program]) =>
      sampleArguments(program).map((rest) => ({
        engine,
        version,
        argv: [...name.split(" "), ...rest],
      })),
    );
    const differently = judge(flags, commands).filter(
      ({ theirs, ours }) => (theirs === null) !== (ours.length === 0),
    );
    expect(differently).toEqual([]);
  });

  /** What the parser and what we say against each command; one start of Python for each program. */
  function judge(flags: EngineFlags, commands: readonly EngineArguments[]) {
    const programs = Object.keys(flags.commands).map((name) => name.split(" "));
    const theirs = new Map<readonly string[], string | null>();
    for (const program of programs) {
      const own = commands
        .map(({ argv }) => argv)
        .filter((argv) => program.every((word, at) => argv[at] === word));
      // argparse's and click's programs take the subcommand with the arguments, a module has none.
      const begin = program[0] === "python" ? 3 : 1;
      if (own.length === 0) continue;
      const errors = askErrors(
        venv,
        program,
        own.map((argv) => argv.slice(begin)),
      );
      own.forEach((argv, at) => theirs.set(argv, errors[at] ?? null));
    }
    return commands.map(({ argv }) => ({
      command: argv.join(" "),
      theirs: theirs.get(argv),
      ours: checkArguments(flags, argv),
    }));
  }
});

function accepted(argv: readonly string[]) {
  return { command: argv.join(" "), theirs: null, ours: [] };
}
