import { expect, test } from "vitest";
import { addressedCommand } from "../../../../src/cluster/formats/addressed-text.ts";
import { hostsAt, vllmDataParallel } from "../../../support/deployment-plans.ts";

const addresses = ["gpu-0", "gpu-1", "gpu-10", "10.0.0.1", "10.0.0.12", "fd00::1", "fd00::1:2"];
const plan = vllmDataParallel(hostsAt(addresses));

/** The last word, with `<address>` for a host, `<[address]>` where its brackets were taken with it. */
function cut(...argv: string[]): string {
  const word = addressedCommand({ argv, env: {} }, plan).argv.at(-1) ?? [];
  const texts = word.map((piece) => {
    if (typeof piece === "string") return piece;
    return piece.isBracketed ? `<[${piece.host.address}]>` : `<${piece.host.address}>`;
  });
  return texts.join("");
}

test.each([
  ["--master-addr", "gpu-1", "<gpu-1>"],
  ["--data-parallel-address", "10.0.0.12", "<10.0.0.12>"],
  ["--dist-init-addr", "gpu-10:50000", "<gpu-10>:50000"],
  ["--nccl-init-addr", "tcp://gpu-1:50000", "tcp://<gpu-1>:50000"],
  ["--prefill", "http://gpu-0:30000", "http://<gpu-0>:30000"],
  ["--decode", "http://gpu-0:30000/path", "http://<gpu-0>:30000/path"],
  ["-H", "gpu-1:8,gpu-10:8,[fd00::1]:8", "<gpu-1>:8,<gpu-10>:8,<[fd00::1]>:8"],
  ["--address", "gpu-0:6379", "<gpu-0>:6379"],
  ["--host", "fd00::1", "<fd00::1>"],
  ["--host", "fd00::1:2", "<fd00::1:2>"],
  ["--dist-init-addr", "[fd00::1]:50000", "<[fd00::1]>:50000"],
  ["--prefill", "http://[fd00::1:2]:30000", "http://<[fd00::1:2]>:30000"],
])("%s %s has an address", (flag, value, expected) => {
  expect(cut(flag, value)).toBe(expected);
});

test("a flag may be joined to its address", () => {
  expect(cut("--address=gpu-0:6379")).toBe("--address=<gpu-0>:6379");
  expect(cut("--address=[fd00::1]:6379")).toBe("--address=<[fd00::1]>:6379");
  expect(cut("--model=gpu-0")).toBe("--model=gpu-0");
});

test.each([
  "gpu-100",
  "my-gpu-1",
  "gpu-1.local",
  "/models/gpu-1",
  "http://other/gpu-1",
  "gpu-1a:80",
  "10x0.0.1",
  "fd00::12",
  "fd00::1:50000",
  "[fd00::1]x:80",
])("%s is another address", (value) => {
  expect(cut("--host", value)).toBe(value);
});

test("values of other flags, words by themselves and second values have no address", () => {
  expect(cut("--disaggregation-mode", "gpu-0")).toBe("gpu-0");
  expect(cut("gpu-0")).toBe("gpu-0");
  expect(cut("--prefill", "http://gpu-1:1", "gpu-0")).toBe("gpu-0");
});

test("of the environment only Ray's address and the host's own have one", () => {
  const env = { RAY_ADDRESS: "gpu-0:6379", VLLM_HOST_IP: "gpu-1", GLOO_SOCKET_IFNAME: "gpu-0" };
  const [first, second] = plan.nodes;
  expect(addressedCommand({ argv: [], env }, plan).env).toEqual({
    RAY_ADDRESS: [{ host: first?.host, isBracketed: false }, ":6379"],
    VLLM_HOST_IP: [{ host: second?.host, isBracketed: false }],
    GLOO_SOCKET_IFNAME: ["gpu-0"],
  });
});
