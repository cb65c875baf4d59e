import { expect, test } from "vitest";
import type { DeploymentPlan, Host } from "../../../../src/cluster/deployment-plan.ts";
import { addressVariables, cutAtAddresses } from "../../../../src/cluster/formats/addresses.ts";
import { standInHosts, vllmDataParallel } from "../../../support/deployment-plans.ts";

const plan = vllmDataParallel(standInHosts(12));

function cut(text: string, cutPlan: DeploymentPlan = plan): string[] {
  return cutAtAddresses(text, cutPlan).map((piece) =>
    typeof piece === "string" ? piece : `<${piece.name}>`,
  );
}

test("an address is found in a URL, before a port, in a list and in JSON", () => {
  expect(cut("tcp://node-0:50000")).toEqual(["tcp://", "<node-0>", ":50000"]);
  expect(cut("node-1:8,node-10:8")).toEqual(["<node-1>", ":8,", "<node-10>", ":8"]);
  expect(cut('{"host":"node-3"}')).toEqual(['{"host":"', "<node-3>", '"}']);
});

test("an address is not found in a longer name, in a path or in the model's name", () => {
  for (const text of ["node-100", "my-node-1", "node-1.local", "/models/node-1", "node-1a"]) {
    expect(cut(text)).toEqual([text]);
  }
  expect(cut("node-1", { ...plan, servedName: "node-1" })).toEqual(["node-1"]);
});

test("the dots of an IP address are dots", () => {
  const hosts = ["10.0.0.1", "10.0.0.12"].map((address): Host => ({
    name: address,
    address,
    gpus: 8,
  }));
  const numbered = vllmDataParallel(hosts);
  expect(cut("10.0.0.12:80", numbered)).toEqual(["<10.0.0.12>", ":80"]);
  expect(cut("10x0.0.1", numbered)).toEqual(["10x0.0.1"]);
});

test("each host has a variable of its own that a shell takes", () => {
  const names = ["gpu-a", "gpu.a", "10.0.0.1", "node é"];
  const hosts = names.map((name): Host => ({ name, address: name, gpus: 8 }));
  const variables = [...addressVariables(vllmDataParallel(hosts)).values()];
  expect(variables).toEqual([
    "GPU_A_ADDRESS",
    "GPU_A_2_ADDRESS",
    "HOST_10_0_0_1_ADDRESS",
    "NODE___ADDRESS",
    "NODE_0_ADDRESS", // of the endpoint
  ]);
});
