import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseAllDocuments } from "yaml";
import type { DeploymentPlan, NodeCommand } from "../../../../src/cluster/deployment-plan.ts";
import { kubernetesText } from "../../../../src/cluster/formats/kubernetes.ts";
import { kubernetesErrors } from "../../../support/cluster-schemas.ts";
import {
  awkwardAddresses,
  containerPlans,
  hostsAt,
  ktransformersHost,
  plansOn,
  sglangSplit,
  standInHosts,
  tensorrtMpi,
  vllmByRay,
  vllmDataParallel,
  vllmTensorParallel,
} from "../../../support/deployment-plans.ts";
import { recordingPrograms } from "../../../support/recording-programs.ts";

interface Container {
  readonly image: string;
  readonly command: string[];
  readonly env?: { name: string; value?: string }[];
  readonly [key: string]: unknown;
}

interface Template {
  readonly spec: { readonly containers: Container[]; readonly volumes?: object[] };
}

interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly leaderWorkerTemplate: {
      readonly size: number;
      readonly leaderTemplate: Template;
      readonly workerTemplate: Template;
    };
    readonly template: Template;
  };
}

/** As kubectl reads it: by YAML 1.1. */
const objectsOf = (plan: DeploymentPlan): KubernetesObject[] =>
  parseAllDocuments(kubernetesText(plan), { version: "1.1" }).map(
    (document) => document.toJS() as KubernetesObject,
  );

function objectOf(plan: DeploymentPlan, kind: string, name: string): KubernetesObject {
  const found = objectsOf(plan).find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
}

function containerOf({ spec }: Template): Container {
  const [container] = spec.containers;
  if (container === undefined) throw new Error("no container");
  return container;
}

/** As Kubernetes does: `$(NAME)` of a known variable, `$$` as `$`, all else as it is. */
function expand(text: string, variables: Record<string, string>): string {
  return text.replaceAll(/\$\$|\$\((\w+)\)/g, (found, name?: string) =>
    name === undefined ? "$" : (variables[name] ?? found),
  );
}

/** What the container of a pod runs; a shell's command is run, with a stand-in for the program. */
function argvIn({ command }: Container, variables: Record<string, string>): string[] {
  const words = command.map((word) => expand(word, variables));
  if (words[0] !== "sh") return words;
  const folder = mkdtempSync(join(tmpdir(), "kimi-pod-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { bin, calls } = recordingPrograms(folder, ["vllm", "python"]);
  execFileSync("sh", words.slice(1), {
    env: { PATH: `${bin}:${process.env["PATH"] ?? ""}`, ...variables },
  });
  return calls()[0]?.argv ?? [];
}

describe.each(containerPlans())("%s", (_, plan) => {
  test("every object follows its schema", () => {
    for (const object of objectsOf(plan)) expect(kubernetesErrors(object)).toBe("");
  });
});

describe.each(awkwardAddresses)("on hosts at %s, %s, %s and %s", (...addresses) => {
  const usual = new Map(plansOn(standInHosts(addresses.length)));
  const plans = plansOn(hostsAt(addresses)).filter(
    ([name]) => !name.endsWith("MPI") && !name.endsWith("Ray"),
  );

  test.each(plans)("%s: the pods run what they run on other hosts", (name, plan) => {
    expect(objectsOf(plan)).toEqual(objectsOf(usual.get(name) ?? plan));
  });
});

/** The process's command with the addresses that it has in its pod. */
function inPod({ argv }: NodeCommand, addresses: Record<string, string>): string[] {
  return argv.map((word) =>
    word.replaceAll(/(?<![\w-])node-\d+(?!\d)/g, (address) => addresses[address] ?? address),
  );
}

describe("a set of pods", () => {
  const leader = "kimi-k2-0.kimi-k2.default";

  test.each([2, 3, 12])("runs the plan's command in each of %i pods", (count) => {
    const plan = vllmDataParallel(standInHosts(count));
    const { leaderWorkerTemplate } = objectOf(plan, "LeaderWorkerSet", "kimi-k2").spec;
    expect(leaderWorkerTemplate.size).toBe(count);
    plan.nodes.forEach((node, index) => {
      const template = index === 0 ? "leaderTemplate" : "workerTemplate";
      const container = containerOf(leaderWorkerTemplate[template]);
      const variables = { LWS_LEADER_ADDRESS: leader, LWS_WORKER_INDEX: String(index) };
      expect(argvIn(container, variables)).toEqual(inPod(node, { "node-0": leader }));
    });
  });

  test("reaches the leader by LeaderWorkerSet's variable, and reads the worker's index", () => {
    const [, second, ...rest] = standInHosts(4);
    const plan = {
      ...vllmTensorParallel,
      nodes: [
        ...vllmTensorParallel.nodes,
        ...rest.map((host, index): NodeCommand => ({
          ...(vllmTensorParallel.nodes[1] as NodeCommand),
          name: host.name,
          host,
          argv: ["vllm", "--node-rank", String(index + 2), "--master-addr", "node-0"],
        })),
      ].map((node) =>
        node.host.name === second?.name
          ? { ...node, argv: ["vllm", "--node-rank", "1", "--master-addr", "node-0"] }
          : node,
      ),
    };
    const { workerTemplate } = objectOf(plan, "LeaderWorkerSet", "kimi-k2").spec
      .leaderWorkerTemplate;
    expect(containerOf(workerTemplate).command).toEqual([
      "vllm",
      "--node-rank",
      "$(LWS_WORKER_INDEX)",
      "--master-addr",
      "$(LWS_LEADER_ADDRESS)",
    ]);
  });

  test("asks for GPUs, shared memory and health as the engine needs them", () => {
    const { leaderTemplate, workerTemplate } = objectOf(
      vllmDataParallel(),
      "LeaderWorkerSet",
      "kimi-k2",
    ).spec.leaderWorkerTemplate;
    expect(containerOf(leaderTemplate)).toMatchObject({
      image: "vllm/vllm-openai:v0.12.0",
      resources: { limits: { "nvidia.com/gpu": "8" } },
      readinessProbe: { httpGet: { path: "/health", port: 8000 } },
    });
    expect(containerOf(workerTemplate)).not.toHaveProperty("readinessProbe");
    expect(workerTemplate.spec.volumes).toEqual([
      { name: "shared-memory", emptyDir: { medium: "Memory" } },
      { name: "model", hostPath: { path: "/models/Kimi-K2-Instruct" } },
    ]);
  });

  test("stands behind a service that finds the leader", () => {
    expect(objectOf(vllmDataParallel(), "Service", "kimi-k2-endpoint").spec).toEqual({
      selector: {
        "leaderworkerset.sigs.k8s.io/name": "kimi-k2",
        "leaderworkerset.sigs.k8s.io/worker-index": "0",
      },
      ports: [{ name: "http", port: 8000, targetPort: 8000 }],
    });
  });
});

test("a split is two sets and a router, which finds the leader of each", () => {
  const plan = sglangSplit();
  const kinds = objectsOf(plan).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(kinds).toEqual([
    "LeaderWorkerSet kimi-k2-prefill",
    "LeaderWorkerSet kimi-k2-decode",
    "Deployment kimi-k2-router",
    "Service kimi-k2-endpoint",
  ]);
  const router = containerOf(objectOf(plan, "Deployment", "kimi-k2-router").spec.template);
  const node = plan.nodes.at(-1) as NodeCommand;
  expect(router.command).toEqual(
    inPod(node, {
      "node-0": "kimi-k2-prefill-0.kimi-k2-prefill",
      "node-4": "kimi-k2-decode-0.kimi-k2-decode",
    }),
  );
  expect(router).not.toHaveProperty("resources");
});

test("a worker of a split listens on its own address", () => {
  const plan = sglangSplit();
  const set = objectOf(plan, "LeaderWorkerSet", "kimi-k2-decode").spec.leaderWorkerTemplate;
  const worker = containerOf(set.workerTemplate);
  const variables = { LWS_LEADER_ADDRESS: "lead", LWS_WORKER_INDEX: "7", POD_IP: "10.9.8.7" };
  const node = plan.nodes.find(({ name }) => name === "decode-7") as NodeCommand;
  const expected = inPod(node, { "node-4": "lead", [node.host.address]: "10.9.8.7" });
  expect(worker.command.map((word) => expand(word, variables))).toEqual(expected);
  expect(worker.env?.[0]).toEqual({
    name: "POD_IP",
    valueFrom: { fieldRef: { fieldPath: "status.podIP" } },
  });
});

test("a plan of one process is a Deployment", () => {
  const plan = ktransformersHost();
  const kinds = objectsOf(plan).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(kinds).toEqual(["Deployment kimi-k2", "Service kimi-k2-endpoint"]);
  const container = containerOf(objectOf(plan, "Deployment", "kimi-k2").spec.template);
  expect(container.command).toEqual(plan.nodes[0]?.argv);
  expect(container.env).toEqual([{ name: "OMP_NUM_THREADS", value: "60" }]);
});

test("AMD's GPUs have their own name, and what Kubernetes would replace arrives as it is", () => {
  const argv = ["vllm", "$(HOME)", "$$", "$x", "yes", "1_000", "12:30:00", "0x1f", "~", ""];
  const [node] = ktransformersHost().nodes;
  const plan: DeploymentPlan = {
    ...ktransformersHost(),
    engine: "vllm",
    nodes: [{ ...(node as NodeCommand), argv }],
    memory: { ...ktransformersHost().memory, accelerator: "MI355X" },
  };
  const container = containerOf(objectOf(plan, "Deployment", "kimi-k2").spec.template);
  expect(container).toMatchObject({ resources: { limits: { "amd.com/gpu": "1" } } });
  expect(container.command.map((word) => expand(word, { HOME: "/root" }))).toEqual(argv);
});

test("the plan's files are a ConfigMap in the folder that the command runs in", () => {
  const files = [{ path: "conf/run.sh", content: "#!/bin/sh\n", isExecutable: true }];
  const plan = { ...ktransformersHost(), files };
  expect(objectOf(plan, "ConfigMap", "kimi-k2-files")).toMatchObject({
    data: { "conf-run.sh": "#!/bin/sh\n" },
  });
  const { template } = objectOf(plan, "Deployment", "kimi-k2").spec;
  expect(containerOf(template)["workingDir"]).toBe("/deploy");
  expect(template.spec.volumes).toContainEqual({
    name: "files",
    configMap: {
      name: "kimi-k2-files",
      items: [{ key: "conf-run.sh", path: "conf/run.sh", mode: 0o755 }],
    },
  });
  for (const object of objectsOf(plan)) expect(kubernetesErrors(object)).toBe("");
});

describe("refused is", () => {
  const workersWith = (
    change: (node: NodeCommand, index: number) => NodeCommand,
  ): DeploymentPlan => {
    const plan = vllmDataParallel(standInHosts(4));
    return { ...plan, nodes: plan.nodes.map(change) };
  };
  const differing = "needs one command for all workers, and those of node-1 to node-3 differ";

  test("an MPI program on several hosts", () => {
    expect(() => kubernetesText(tensorrtMpi)).toThrow("can't start an MPI program on 2 hosts");
  });

  test("Ray, whose processes share a host with the engine's", () => {
    expect(() => kubernetesText(vllmByRay())).toThrow(
      "--format kubernetes starts each process in a container of its own, and ray-0 and node-0 need each other's files on node-0",
    );
  });

  test("two processes of a group on one host", () => {
    const plan = workersWith((node, index) =>
      index === 2 ? { ...node, host: standInHosts(1)[0] ?? node.host } : node,
    );
    expect(() => kubernetesText(plan)).toThrow(
      "node-0 and node-2 need each other's files on node-0",
    );
  });

  test.each([
    [
      "a number that does not grow evenly",
      (index: number): string => String([0, 8, 16, 25][index]),
    ],
    ["a word", (index: number): string => `rank-${"abcd"[index] ?? ""}`],
    ["a number with zeros before it", (index: number): string => `0${index}`],
  ])("workers that differ by %s", (_, word) => {
    const plan = workersWith((node, index) => ({ ...node, argv: ["vllm", word(index)] }));
    expect(() => kubernetesText(plan)).toThrow(differing);
  });

  test("workers with unequal environments", () => {
    const plan = workersWith((node, index) => ({
      ...node,
      argv: ["vllm"],
      env: { NAME: String(index * 2) },
    }));
    expect(() => kubernetesText(plan)).toThrow(differing);
  });
});
