import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeploymentPlan } from "../../../../src/cluster/deployment-plan.ts";
import { saveFiles } from "../../../../src/cluster/formats/save-files.ts";
import { writeFormat } from "../../../../src/cluster/formats/write-format.ts";
import {
  allPlans,
  awkwardAddresses,
  hostsAt,
  plansOn,
  tensorrtMpi,
  vllmTensorParallel,
} from "../../../support/deployment-plans.ts";
import { recordingPrograms, type Call } from "../../../support/recording-programs.ts";
import { hasShellcheck, shellcheck } from "../../../support/shellcheck.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kimi-script-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const programs = ["vllm", "python", "mpirun", "ray"];

const byTensors = "SGLang with tensor parallelism";

/** Saves the scripts, runs the one of a process as a person would, and returns how its program was called. */
async function run(
  plan: DeploymentPlan,
  name: string,
  env: Record<string, string> = {},
): Promise<Call> {
  const saved = join(folder, "plan");
  await saveFiles(saved, writeFormat(plan, "script").files);
  const { bin, calls } = recordingPrograms(folder, programs);
  execFileSync(join(saved, `${name}.sh`), {
    cwd: tmpdir(),
    env: { PATH: `${bin}:${process.env["PATH"] ?? ""}`, ...env },
  });
  const [call] = calls();
  if (call === undefined) throw new Error("no program was called");
  return call;
}

describe.each(allPlans())("%s", (_, plan) => {
  test.skipIf(!hasShellcheck)("shellcheck finds nothing in its scripts", () => {
    for (const { path, content } of writeFormat(plan, "script").files) {
      if (path.endsWith(".sh")) expect(shellcheck(content), path).toBe("");
    }
  });

  test("the programs get the plan's arguments and environment", async () => {
    const node = plan.nodes.at(-1);
    const call = await run(plan, node?.name ?? "");
    expect(call.argv).toEqual(node?.argv);
    expect(call.env).toMatchObject(node?.env ?? {});
  });
});

test("another address of a host comes from the environment", async () => {
  const call = await run(vllmTensorParallel, "node-1", { NODE_0_ADDRESS: "10.1.2.3" });
  const expected = vllmTensorParallel.nodes[1]?.argv.map((word) =>
    word === "node-0" ? "10.1.2.3" : word,
  );
  expect(call.argv).toEqual(expected);
});

describe.each(awkwardAddresses)("on hosts at %s, %s, %s and %s", (...addresses) => {
  const others = addresses.map((address, index) =>
    address.includes(":") ? `fd11::${index}` : `10.0.0.${index}`,
  );
  const variables = Object.fromEntries(
    others.map((address, index) => [`NODE_${index}_ADDRESS`, address]),
  );
  const othersPlans = new Map(plansOn(hostsAt(others)));

  test.each(plansOn(hostsAt(addresses)))(
    "%s: addresses are replaced, and nothing else",
    async (name, plan) => {
      const node = plan.nodes.at(-1);
      const expected = othersPlans.get(name)?.nodes.at(-1);
      const call = await run(plan, node?.name ?? "", variables);
      expect(call.argv).toEqual(expected?.argv);
      expect(call.env).toMatchObject(expected?.env ?? {});
    },
  );
});

test("where addresses stand in brackets, others of IPv6 are asked for", () => {
  const scripts = (addresses: string[]): string =>
    writeFormat(new Map(plansOn(hostsAt(addresses))).get(byTensors) ?? vllmTensorParallel, "script")
      .stdout;
  expect(scripts(["fd00::1", "fd00::2"])).toContain(
    "# Another IPv6 address can be set in the environment: NODE_0_ADDRESS.\n",
  );
  expect(scripts(["10.0.0.1", "10.0.0.2"])).toContain(
    "# Another address can be set in the environment: NODE_0_ADDRESS.\n",
  );
});

test("the program runs in the folder of the scripts and of the plan's files", async () => {
  const call = await run(tensorrtMpi, "node-0");
  expect(call.folder).toBe(join(folder, "plan"));
  const paths = writeFormat(tensorrtMpi, "script").files.map(({ path }) => path);
  expect(paths).toEqual(["node-0.sh", "llm-api-config.yaml", "check-ssh.sh"]);
});

const odd: DeploymentPlan = {
  ...vllmTensorParallel,
  model: "a\nrm -rf b",
  nodes: vllmTensorParallel.nodes.map((node) => ({
    ...node,
    argv: ["vllm", "a b", "it's", "$HOME", '`x`"$(y)"\\ node-0:1', "", "*", 'x"node-0"$z\nw'],
    env: { JSON: '{"a": "$b"}', HOST: "http://node-0/'`\"" },
  })),
  notes: ["Two\nlines # $(date)"],
};

test("quotes, substitutions and line breaks arrive as they are", async () => {
  const call = await run(odd, "node-0");
  expect(call.argv).toEqual(odd.nodes[0]?.argv);
  expect(call.env).toMatchObject(odd.nodes[0]?.env ?? {});
});

test.skipIf(!hasShellcheck)("no text of a plan breaks out of a comment", () => {
  const [script] = writeFormat(odd, "script").files;
  expect(script?.content).not.toMatch(/^rm/m);
  expect(script?.content).toContain("# Note: Two lines # $(date)\n");
});

test("a script says where it runs, in which order, and where clients find the model", () => {
  const { files, stdout } = writeFormat(vllmTensorParallel, "script");
  expect(files[1]?.content).toContain(`# Run it on node-1, as 2 of 2. It stays in the foreground.
# Clients then find kimi-k2 at http://node-0:8000/v1.
# In this order:
#   1. node-0.sh on node-0
#   2. node-1.sh on node-1
`);
  expect(stdout).toContain("# ---- node-1.sh ----\n#!/usr/bin/env bash\n");
});
