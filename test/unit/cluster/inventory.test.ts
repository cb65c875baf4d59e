import { expect, test } from "vitest";
import { parseSize } from "../../../src/plain-text.ts";
import { readInventory } from "../../../src/cluster/inventory.ts";

const read = (text: string) => readInventory({ text, path: "cluster.yaml", parseSize });

const whole = `
gpu: h200
gpus: 8
memory: 2T
memory-bandwidth: 600
numa-nodes: 2
cores: 112
cpu: amx
ssh-user: root
ssh-port: 2233
network:
  interface: eth1
  infiniband: [mlx5_0, mlx5_1]
hosts:
  - { name: a, address: 10.0.0.1 }
  - { name: b, address: 10.0.0.2, ssh-user: k2 }
`;

test("an inventory says all of a cluster", () => {
  const { cluster, cpu } = read(whole);
  expect(cpu).toBe("amx");
  expect(cluster).toMatchObject({
    gpusPerHost: 8,
    hasStandIns: false,
    ramBytes: 2 * 2 ** 40,
    ramBandwidth: 600e9,
    numaNodes: 2,
    cores: 112,
    networkInterface: "eth1",
    infinibandDevices: ["mlx5_0", "mlx5_1"],
  });
  expect(cluster.accelerator.name).toBe("H200");
  expect(cluster.hosts).toEqual([
    { name: "a", address: "10.0.0.1", gpus: 8, sshUser: "root", sshPort: 2233 },
    { name: "b", address: "10.0.0.2", gpus: 8, sshUser: "k2", sshPort: 2233 },
  ]);
});

test.each([
  ["hosts: [", "is no YAML"],
  ["gpu: h200", "names no hosts"],
  ["hosts: []", "names no hosts"],
  ["hosts: [{ address: a, gpu: h200 }]", "has no hosts[0].gpus"],
  ["hosts: [{ address: a, gpus: 8 }]", "has no hosts[0].gpu"],
  ["hosts: [{ name: a, gpu: h200, gpus: 8 }]", "has no hosts[0].address"],
  ["hosts: [{ address: a, gpu: h200, gpus: 0 }]", "has hosts[0].gpus 0"],
  [
    "hosts: [{ address: a, gpu: h200, gpus: 8, ram: 2T }]",
    "has a key that is not known: hosts[0].ram",
  ],
  ["gpux: h200\nhosts: []", "has a key that is not known: gpux"],
  ["gpu: h200\ngpus: 8\nmemory: much\nhosts: [{ address: a }]", "has hosts[0].memory much"],
  ["gpu: h200\ngpus: 8\ncpu: arm\nhosts: [{ address: a }]", "has hosts[0].cpu arm"],
  ["gpu: h200\ngpus: 8\nhosts: [{ address: a }, { address: a }]", "has two hosts with the name a"],
  [
    "gpu: h200\nhosts: [{ address: a, gpus: 8 }, { address: b, gpus: 4 }]",
    "has other GPUs in hosts[1]",
  ],
  ["just text", "has no keys"],
  ["gpu: *b\nhosts: []", "is no YAML: Unresolved alias"],
  ['gpu: h200\ngpus: "8"\nhosts: [{ address: a }]', 'has hosts[0].gpus "8"'],
  ['gpu: h200\ngpus: 8\nhosts: [{ address: "" }]', "has hosts[0].address"],
  ["gpu: h200\ngpus: 8\nhosts: [{ address: a, name: ../../evil }]", "has hosts[0].name ../../evil"],
  ["gpu: h200\ngpus: 8\nhosts: [{ address: a, ssh-port: 99999 }]", "has hosts[0].ssh-port 99999"],
  [
    "gpu: h200\ngpus: 8\nnetwork: { infiniband: { a: b } }\nhosts: [{ address: a }]",
    "has network.infiniband",
  ],
])("%s: the message names what is wrong, in one line", (text, message) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining(`the inventory cluster.yaml ${message}`),
      hint: expect.stringMatching(/^[^\n]+$/),
      exitCode: 2,
    }),
  );
});
