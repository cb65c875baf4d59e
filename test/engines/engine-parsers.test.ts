/** The stored flags and our reading of them against the engines' own parsers, which are installed for it. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  askErrors,
  askFlags,
  installEngine,
  venvOf,
} from "../../scripts/engine-flags/engine-venv.ts";
import { writeFlags } from "../../scripts/engine-flags/write-flags.ts";
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

const planned = await engineArguments();

type Argv = readonly string[];

// PyPI has only a stub of TensorRT-LLM.
const engines = engineNames.filter((engine) => engine !== "tensorrt-llm");
const versions = engines.flatMap((engine) =>
  knownVersions(engine).map((version) => ({ engine, version })),
);

describe.each(versions)("$engine $version", ({ engine, version }) => {
  const venv = venvOf(engine, version);
  const accepted = argvOf([...planned, ...unusualArguments()]);
  const refused = argvOf(refusedArguments());
  let flags: EngineFlags;
  let samples: readonly Argv[];
  let said: ReadonlyMap<Argv, string | null>;

  beforeAll(async () => {
    installEngine(venv);
    flags = await readEngineFlags(engine, version);
    samples = Object.entries(flags.commands).flatMap(([name, program]) =>
      sampleArguments(program).map((rest) => [...name.split(" "), ...rest]),
    );
    said = askAll([...accepted, ...refused, ...samples]);
  });

  test("has the flags that are stored", () => {
    const asked = { ...flags, commands: askFlags(venv).commands };
    expect(writeFlags(asked)).toBe(writeFlags(flags));
  });

  test("accepts every command that we give it, and so do we", () => {
    const agreed = accepted.map((argv) => ({ command: argv.join(" "), theirs: null, ours: [] }));
    expect(accepted.map(judge)).toEqual(agreed);
  });

  test.skipIf(refused.length === 0)("refuses what we refuse", () => {
    const unopposed = ({ theirs, ours }: ReturnType<typeof judge>) =>
      typeof theirs !== "string" || ours.length === 0;
    expect(refused.map(judge).filter(unopposed)).toEqual([]);
  });

  test("judges every flag as we do, with a right value, a wrong one and none", () => {
    const disputed = ({ theirs, ours }: ReturnType<typeof judge>) =>
      (theirs === null) !== (ours.length === 0);
    expect(samples.map(judge).filter(disputed)).toEqual([]);
  });

  function argvOf(commands: readonly EngineArguments[]): readonly Argv[] {
    return commands
      .filter((command) => command.engine === engine && command.version === version)
      .map(({ argv }) => argv);
  }

  /** What the parsers say against each, null if nothing; a program is started once for all of its own. */
  function askAll(commands: readonly Argv[]): ReadonlyMap<Argv, string | null> {
    const answers = new Map<Argv, string | null>();
    for (const name of Object.keys(flags.commands)) {
      const program = name.split(" ");
      const own = commands.filter((argv) => program.every((word, at) => argv[at] === word));
      // A console script's parser takes the subcommand with the arguments.
      const begin = program[0] === "python" ? 3 : 1;
      const errors = askErrors(
        venv,
        program,
        own.map((argv) => argv.slice(begin)),
      );
      own.forEach((argv, at) => answers.set(argv, errors[at] ?? null));
    }
    return answers;
  }

  function judge(argv: Argv) {
    return {
      command: argv.join(" "),
      theirs: said.get(argv),
      ours: checkArguments(flags, argv),
    };
  }
});
