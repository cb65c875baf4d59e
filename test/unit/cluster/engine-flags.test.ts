import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkArguments } from "../../../src/cluster/check-arguments.ts";
import { engineNames } from "../../../src/cluster/deployment-plan.ts";
import {
  hasFlag,
  knownVersions,
  readEngineFlags,
  resolveVersion,
} from "../../../src/cluster/engine-flags.ts";
import {
  engineArguments,
  refusedArguments,
  unusualArguments,
} from "../../support/engine-arguments.ts";

const planned = await engineArguments();

const versions = engineNames.flatMap((engine) =>
  knownVersions(engine).map((version) => ({ engine, version })),
);

describe("the versions of an engine", () => {
  test("the newest is the default, and a beginning means the newest that begins so", () => {
    expect(resolveVersion("vllm")).toBe("0.33.0");
    expect(resolveVersion("vllm", "0.12")).toBe("0.12.0");
    expect(resolveVersion("sglang", "0")).toBe("0.5.23");
    expect(resolveVersion("sglang", "0.4.10")).toBe("0.4.10");
  });

  test("an unknown one is refused with those that are known", () => {
    expect(() => resolveVersion("vllm", "0.3")).toThrow(
      expect.objectContaining({
        code: "usage",
        message: "the flags of vllm 0.3 are not known",
        hint: "Known versions: 0.33.0, 0.32.0, 0.12.0, 0.10.0.",
      }),
    );
  });

  test("every file of flags is known by a version, and says which it is of", async () => {
    const folder = join(import.meta.dirname, "../../../src/cluster/engine-flags");
    const stored = await Promise.all(
      versions.map(({ engine, version }) => readEngineFlags(engine, version)),
    );
    const names = stored.map(({ engine, version }) => `${engine}-${version}.json`);
    expect(names.toSorted()).toEqual(readdirSync(folder).toSorted());
    expect(versions).toEqual(stored.map(({ engine, version }) => ({ engine, version })));
    for (const { source } of stored) expect(source).toMatch(/^asked of /);
  });
});

describe("the stored flags", () => {
  test.each(versions)("$engine $version: no name belongs to two flags", async (of) => {
    const { commands } = await readEngineFlags(of.engine, of.version);
    for (const { flags } of Object.values(commands)) {
      const names = flags.flatMap(({ names }) => names);
      expect(names.length).toBeGreaterThan(5);
      expect(new Set(names).size).toBe(names.length);
      expect(names.filter((name) => !name.startsWith("-"))).toEqual([]);
    }
  });

  test("tell that SGLang renamed its flags between the guide's version and now", async () => {
    const then = await readEngineFlags("sglang", "0.4.10");
    const now = await readEngineFlags("sglang", "0.5.23");
    const server = "python -m sglang.launch_server";
    const has = (name: string) => [hasFlag(then, server, name), hasFlag(now, server, name)];
    expect(has("--enable-deepep-moe")).toEqual([true, false]);
    expect(has("--moe-a2a-backend")).toEqual([false, true]);
    expect(has("--cuda-graph-bs")).toEqual([true, false]);
    expect(has("--deepep-mode")).toEqual([true, true]);
    expect(hasFlag(now, "sglang nothing", "--deepep-mode")).toBe(false);
  });
});

describe("checking a command", () => {
  test.each([...planned, ...unusualArguments()].map(named))(
    "accepts %s",
    async (_name, { engine, version, argv }) => {
      expect(checkArguments(await readEngineFlags(engine, version), argv)).toEqual([]);
    },
  );

  test.each(refusedArguments().map(named))(
    "finds one problem in %s",
    async (_name, { engine, version, argv }) => {
      expect(checkArguments(await readEngineFlags(engine, version), argv)).toHaveLength(1);
    },
  );

  const vllm = "vllm serve (vllm 0.33.0)";
  test.each([
    ["serve", '"serve" starts no program of vllm 0.33.0 (vllm serve, ray start).'],
    ["vllm serve m --no-such 1", `${vllm}: there is no flag --no-such.`],
    ["vllm serve m --port", `${vllm}: --port needs a value.`],
    ["vllm serve m --port --seed 1", `${vllm}: --port needs a value.`],
    ["vllm serve m --port x", `${vllm}: --port needs a whole number, not x.`],
    ["vllm serve m --eplb-config x", `${vllm}: --eplb-config needs JSON, not x.`],
    ["vllm serve m --headless=1", `${vllm}: --headless takes no value.`],
    ["vllm serve m n", `${vllm}: "n" belongs to no flag.`],
    [
      "vllm serve m --mm-encoder-tp-mode x",
      `${vllm}: --mm-encoder-tp-mode is none of data, weights: x.`,
    ],
  ])("says of %s what is wrong", async (command, problem) => {
    const flags = await readEngineFlags("vllm", "0.33.0");
    expect(checkArguments(flags, command.split(" "))).toEqual([problem]);
  });

  test("says what is missing, and every problem at once", async () => {
    const flags = await readEngineFlags("sglang", "0.5.23");
    const server = "python -m sglang.launch_server (sglang 0.5.23)";
    const argv = "python3 -m sglang.launch_server --tp-size x --enable-ep-moe".split(" ");
    expect(checkArguments(flags, argv)).toEqual([
      `${server}: --tp-size needs a whole number, not x.`,
      `${server}: there is no flag --enable-ep-moe.`,
      `${server}: The flag --model-path is missing.`,
    ]);
  });

  test("looks behind a launcher, and at a program by its path", async () => {
    const flags = await readEngineFlags("vllm", "0.33.0");
    const launched = "numactl -m 0 /opt/venv/bin/vllm serve m --port 1 --nope".split(" ");
    expect(checkArguments(flags, launched)).toEqual([`${vllm}: there is no flag --nope.`]);
  });
});

function named<Command extends { version: string; argv: readonly string[] }>(command: Command) {
  return [`${command.version}: ${command.argv.join(" ").slice(0, 150)}`, command] as const;
}
