import { describe, expect, test } from "vitest";
import { formats, writeFormat } from "../../../../src/cluster/formats/write-format.ts";
import {
  allPlans,
  hostsAt,
  plansOn,
  sglangSplit,
  standInHosts,
  tensorrtMpi,
  vllmTensorParallel,
} from "../../../support/deployment-plans.ts";

describe.each(allPlans())("%s", (_, plan) => {
  test("its JSON is the plan again", () => {
    expect(JSON.parse(writeFormat(plan, "json").stdout)).toEqual(JSON.parse(JSON.stringify(plan)));
  });
});

test("JSON has its keys in a fixed order", () => {
  const keys = (text: string): string[] => Object.keys(JSON.parse(text) as object);
  expect(keys(writeFormat(tensorrtMpi, "json").stdout)).toEqual(
    "engine engineVersion model servedName layout nodes mpi files endpoint memory notes".split(" "),
  );
  const { nodes } = JSON.parse(writeFormat(tensorrtMpi, "json").stdout) as { nodes: object[] };
  expect(Object.keys(nodes[0] ?? {})).toEqual(["name", "role", "host", "argv", "env", "health"]);
});

test.each(formats)("%s gives a folder what it prints, and the plan's files", (format) => {
  const files = [{ path: "extra.yaml", content: "a: 1\n" }];
  const written = writeFormat({ ...vllmTensorParallel, files }, format);
  expect(written.stdout).toMatch(/\n$/);
  expect(written.stdout).toContain(written.files[0]?.content);
  expect(written.files.at(-1)).toEqual(files[0]);
  expect(new Set(written.files.map(({ path }) => path)).size).toBe(written.files.length);
});

test.each([
  ...plansOn(standInHosts(1)).filter(([name]) => !/Ray|split/.test(name)),
  ["a split of two hosts", sglangSplit(standInHosts(2))] as const,
])("one is never many: %s", (_, plan) => {
  for (const format of formats) {
    expect(writeFormat(plan, format).stdout).not.toMatch(/\b1 (?:hosts|nodes|processes|copies)\b/);
  }
});

test.each(["text", "script", "compose"] as const)(
  "clients are told an address of IPv6 in brackets by %s",
  (format) => {
    const plan = sglangSplit(hostsAt(["fd00::1", "fd00::2"]));
    expect(writeFormat(plan, format).stdout).toContain("http://[fd00::1]:8000/v1");
  },
);

test("the same plan gives the same bytes", () => {
  for (const format of formats) {
    expect(writeFormat(vllmTensorParallel, format)).toEqual(
      writeFormat(vllmTensorParallel, format),
    );
  }
});

test("where a scheduler names the nodes, nobody is asked to", () => {
  const note = "node-0, node-1 stand for your hosts: name them with --hosts or an inventory.";
  const plan = { ...vllmTensorParallel, notes: [note, "Another."] };
  for (const format of formats) {
    const isAsked = !["slurm", "kubernetes"].includes(format);
    const { stdout } = writeFormat(plan, format);
    expect([format, /stand for your/.test(stdout)]).toEqual([format, isAsked]);
    expect(stdout).toContain("Another.");
  }
});
