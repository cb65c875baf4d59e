import { expect, test } from "vitest";
import type { Host } from "../../../../src/cluster/deployment-plan.ts";
import { addressVariables } from "../../../../src/cluster/formats/addresses.ts";
import { vllmDataParallel } from "../../../support/deployment-plans.ts";

test("each host has a variable of its own that a shell takes", () => {
  const names = ["gpu-a", "gpu.a", "10.0.0.1", "node é"];
  const hosts = names.map((name): Host => ({ name, address: name, gpus: 8 }));
  const variables = [...addressVariables(vllmDataParallel(hosts)).values()];
  expect(variables).toEqual([
    "GPU_A_ADDRESS",
    "GPU_A_2_ADDRESS",
    "HOST_10_0_0_1_ADDRESS",
    "NODE___ADDRESS",
  ]);
});
