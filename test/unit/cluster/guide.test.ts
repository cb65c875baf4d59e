/** Every example of Moonshot's deploy guide (docs/deploy_guidance.md of Kimi-K2), as a plan of each engine version. */
import { expect, test } from "vitest";
import { checkArguments } from "../../../src/cluster/check-arguments.ts";
import {
  knownVersions,
  readEngineFlags,
  type EngineFlags,
} from "../../../src/cluster/engine-flags.ts";
import { engineArguments, examplePlan } from "../../support/engine-arguments.ts";
import { guideExamples } from "../../support/guide-examples.ts";

const everyVersion = guideExamples.flatMap((example) =>
  knownVersions(example.wanted.engine).map((version) => [example.name, version, example] as const),
);

test.each(everyVersion)(
  "%s, version %s: the plan as it was looked through",
  async (name, version, example) => {
    const { nodes, files, layout } = await examplePlan(example, version);
    const text = [
      layout.kind,
      ...nodes.map(({ name: node, host, env, argv }) => {
        const environment = Object.entries(env).map(([key, value]) => `${key}=${value} `);
        return `${node} on ${host.address}: ${environment.join("")}${argv.join(" ")}`;
      }),
      ...files.map(({ path, content }) => `${path}:\n${content}`),
    ].join("\n\n");
    await expect(`${text}\n`).toMatchFileSnapshot(
      `../../fixtures/golden/deploy/${name.replaceAll(/[^a-z0-9]+/gi, "-")}-${version}.txt`,
    );
  },
);

test("the engine's parser takes every command of every plan", async () => {
  const all = await engineArguments();
  expect(all.length).toBeGreaterThan(50);
  for (const { engine, version, argv } of all)
    expect(checkArguments(await readEngineFlags(engine, version), argv)).toEqual([]);
});

test.each(everyVersion)(
  "%s, version %s: what the guide says holds, or its successor does",
  async (_, version, example) => {
    const flags = await readEngineFlags(example.wanted.engine, version);
    const { nodes } = await examplePlan(example, version);
    for (const [name, guide] of Object.entries(example.commands)) {
      const node = nodes.find((one) => one.name === name);
      const ours = pairs(node?.argv ?? [], flags);
      for (const [flag, value] of pairs(guide.split(/\s+/), flags)) {
        const next = example.successors?.[flag];
        const isReplaced = next !== undefined && (!isKnown(flag) || isKnown(next.flag));
        const [newFlag, newValue] = isReplaced ? [next.flag, next.value ?? value] : [flag, value];
        expect(ours.has(newFlag), `${name} ${newFlag}`).toBe(true);
        // A switch may have become a flag with a value.
        if (!isReplaced || newValue !== "")
          expect([name, newFlag, ours.get(newFlag)]).toEqual([name, newFlag, newValue]);
      }
    }

    function isKnown(flag: string): boolean {
      return Object.values(flags.commands).some((command) =>
        command.flags.some(({ names }) => names.includes(flag)),
      );
    }
  },
);

/** Flags by their first name, with what follows; words before the first flag are left out. */
function pairs(argv: readonly string[], flags: EngineFlags): Map<string, string> {
  const aliases = new Map(
    Object.values(flags.commands).flatMap((command) =>
      command.flags.flatMap(({ names }) => names.map((name) => [name, names[0] ?? name] as const)),
    ),
  );
  const found = new Map<string, string>();
  argv.forEach((word, index) => {
    if (!word.startsWith("--")) return;
    const next = argv[index + 1];
    found.set(aliases.get(word) ?? word, next === undefined || next.startsWith("--") ? "" : next);
  });
  return found;
}
