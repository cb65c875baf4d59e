/** Whatever is asked for: a plan that the engine's parser takes, or a refusal whose proposals hold. */
import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { accelerators } from "../../../src/cluster/accelerators.ts";
import { checkArguments } from "../../../src/cluster/check-arguments.ts";
import { clusterOf } from "../../../src/cluster/cluster.ts";
import { engineNames, type DeploymentPlan } from "../../../src/cluster/deployment-plan.ts";
import { knownVersions, readEngineFlags } from "../../../src/cluster/engine-flags.ts";
import { findKnownModel, knownModels } from "../../../src/cluster/known-models.ts";
import { planDeployment } from "../../../src/cluster/plan-deployment.ts";
import { layoutNames, type DeployRequest } from "../../../src/cluster/serving-engine.ts";
import { KimiError } from "../../../src/errors.ts";
import { deployRequest } from "../../support/deploy-request.ts";

interface Wish {
  readonly gpu: string;
  readonly gpus: number;
  readonly nodes: number;
  readonly model: string;
  readonly request: Partial<DeployRequest> & Pick<DeployRequest, "engine" | "kvCache">;
}

const wishes: fc.Arbitrary<Wish> = fc
  .record({
    gpu: fc.constantFrom(...accelerators.map(({ name }) => name)),
    perHost: fc.constantFrom(1, 2, 4, 8),
    nodes: fc.constantFrom(1, 2, 3, 4, 5, 8, 16),
    model: fc.constantFrom(...knownModels),
    engine: fc.constantFrom(...engineNames),
    version: fc.nat(3),
    context: fc.option(fc.constantFrom(1_024, 8_192, 131_072), { nil: undefined }),
    concurrency: fc.option(fc.constantFrom(1, 7, 64, 500, 20_000), { nil: undefined }),
    layout: fc.option(fc.constantFrom(...layoutNames), { nil: undefined, freq: 4 }),
    kvCache: fc.constantFrom("auto" as const, "fp8" as const),
  })
  .map(({ gpu, perHost, nodes, model, engine, version, ...rest }) => {
    const versions = knownVersions(engine);
    const engineVersion = versions[version % versions.length] as string;
    const request = { engine, engineVersion, ...rest };
    return { gpu, gpus: perHost * nodes, nodes, model, request };
  });

async function planOf({ gpu, gpus, nodes, model, request }: Wish): Promise<DeploymentPlan> {
  const found = findKnownModel(model);
  if (!found) throw new Error(`${model} is known`);
  const cluster = clusterOf({ gpu, gpus, nodes });
  return planDeployment(await deployRequest({ ...request, cluster, model: found }));
}

/** The wish with one of the things that the hint proposes. */
function proposals(wish: Wish, hint: string): Wish[] {
  const number = (pattern: RegExp): number | undefined => {
    const found = pattern.exec(hint)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const [context, concurrency] = [number(/--context (\d+)/), number(/--concurrency (\d+)/)];
  const [gpus, nodes] = [number(/--gpus (\d+)/), number(/--nodes (\d+)/)];
  const asked = (more: Partial<DeployRequest>): Wish => ({
    ...wish,
    request: { ...wish.request, ...more },
  });
  return [
    ...(hint.includes("--kv-cache fp8") ? [asked({ kvCache: "fp8" })] : []),
    ...(context === undefined ? [] : [asked({ context })]),
    ...(concurrency === undefined ? [] : [asked({ concurrency })]),
    ...(gpus !== undefined && nodes !== undefined ? [{ ...wish, gpus, nodes }] : []),
  ];
}

test("a plan parses and holds what was asked, a refusal's proposals are plans", async () => {
  let plans = 0;
  let refusals = 0;
  const property = fc.asyncProperty(wishes, async (wish) => {
    let plan: DeploymentPlan;
    try {
      plan = await planOf(wish);
    } catch (thrown) {
      if (!(thrown instanceof KimiError)) throw thrown;
      expect(thrown.hint ?? "").not.toBe("");
      expect(`${thrown.message}${thrown.hint}`).not.toMatch(/NaN|undefined|Infinity|\n/);
      if (thrown.code !== "does-not-fit") return;
      refusals++;
      for (const other of proposals(wish, thrown.hint ?? "")) await planOf(other);
      return;
    }
    plans++;
    const flags = await readEngineFlags(plan.engine, plan.engineVersion);
    for (const { argv } of plan.nodes) expect(checkArguments(flags, argv)).toEqual([]);
    const { memory } = plan;
    expect(memory.maxConcurrency).toBeGreaterThanOrEqual(wish.request.concurrency ?? 1);
    expect(memory.maxContext).toBeGreaterThanOrEqual(memory.context);
    expect(JSON.stringify(memory)).not.toContain("null"); // as JSON has what is no number
    expect(JSON.stringify(plan.nodes)).not.toMatch(/NaN|undefined|Infinity/);
  });
  await fc.assert(property, { numRuns: 300 });
  expect(plans).toBeGreaterThan(20);
  expect(refusals).toBeGreaterThan(20);
}, 120_000);
