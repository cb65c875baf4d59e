import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { DeploymentPlan } from "../../../../src/cluster/deployment-plan.ts";
import { composeText } from "../../../../src/cluster/formats/compose.ts";
import { composeErrors } from "../../../support/cluster-schemas.ts";
import {
  awkwardAddresses,
  containerPlans,
  hostsAt,
  ktransformersHost,
  plansOn,
  sglangSplit,
  sglangTensorParallel,
  tensorrtMpi,
  vllmByRay,
  vllmDataParallel,
  vllmTensorParallel,
} from "../../../support/deployment-plans.ts";

interface Service {
  readonly profiles: string[];
  readonly image: string;
  readonly entrypoint: string[];
  readonly command: string[];
  readonly environment?: Record<string, string>;
  readonly volumes?: { source: string; target: string; read_only?: boolean }[];
  readonly healthcheck?: { test: string[] };
  readonly [key: string]: unknown;
}

interface Compose {
  readonly services: Record<string, Service>;
  readonly configs?: Record<string, { content: string }>;
}

const composeOf = (plan: DeploymentPlan): Compose => parse(composeText(plan)) as Compose;

/** As the specification says: `$$` is a dollar sign, `${NAME:-default}` a variable. */
function interpolate(text: string, variables: Record<string, string> = {}): string {
  return text.replaceAll(
    /\$\$|\$\{(\w+):-([^}]*)\}|\$/g,
    (found, name?: string, otherwise = "") => {
      if (found === "$$") return "$";
      if (name === undefined) throw new Error(`a single dollar sign in ${text}`);
      return variables[name] ?? otherwise;
    },
  );
}

describe.each(containerPlans())("%s", (_, plan) => {
  test("the file follows the specification", () => {
    expect(composeErrors(composeOf(plan))).toBe("");
  });

  test("each service runs its process's command, in the profile of its host", () => {
    const { services } = composeOf(plan);
    const commands = Object.entries(services).map(([name, service]) => ({
      name,
      profiles: service.profiles,
      argv: [...service.entrypoint, ...service.command].map((word) => interpolate(word)),
      env: service.environment ?? {},
    }));
    expect(commands).toEqual(
      plan.nodes.map(({ name, host, argv, env }) => ({ name, profiles: [host.name], argv, env })),
    );
  });
});

test("a variable replaces a host's address", () => {
  const service = composeOf(vllmTensorParallel).services["node-1"];
  const words = service?.command.map((word) => interpolate(word, { NODE_0_ADDRESS: "10.0.0.7" }));
  expect(words?.[words.indexOf("--master-addr") + 1]).toBe("10.0.0.7");
});

describe.each(awkwardAddresses)("on hosts at %s, %s, %s and %s", (...addresses) => {
  const others = addresses.map((address, index) =>
    address.includes(":") ? `fd11::${index}` : `10.0.0.${index}`,
  );
  const variables = Object.fromEntries(
    others.map((address, index) => [`NODE_${index}_ADDRESS`, address]),
  );
  const othersPlans = new Map(plansOn(hostsAt(others)));
  const plans = plansOn(hostsAt(addresses)).filter(
    ([name]) => !name.endsWith("MPI") && !name.endsWith("Ray"),
  );

  test.each(plans)("%s: addresses are replaced, and nothing else", (name, plan) => {
    const commandsOf = (replaced: Record<string, string>): unknown[] =>
      Object.values(composeOf(plan).services).map((service) => ({
        argv: [...service.entrypoint, ...service.command].map((word) =>
          interpolate(word, replaced),
        ),
        env: service.environment ?? {},
      }));
    const expected = (one: DeploymentPlan | undefined): unknown[] =>
      one?.nodes.map(({ argv, env }) => ({ argv, env })) ?? [];
    expect(commandsOf({})).toEqual(expected(plan));
    expect(commandsOf(variables)).toEqual(expected(othersPlans.get(name)));
  });
});

test("an address of IPv6 has brackets in URLs", () => {
  const plan = sglangSplit(hostsAt(["fd00::1", "fd00::2", "fd00::3", "fd00::4"]));
  expect(composeText(plan)).toContain("Clients then find kimi-k2 at http://[fd00::1]:8000/v1.");
  expect(composeText(plan)).toContain("NODE_3_ADDRESS (another IPv6 address).");
  const check = composeOf(plan).services["decode-0"]?.healthcheck?.test[3] ?? "";
  expect(interpolate(check)).toContain('"http://[fd00::2]:30000/health"');
});

test("dollar signs and what looks like a variable arrive as they are", () => {
  const argv = ["vllm", "$HOME", "${A:-b}", "$$", "yes", "1e3", "0o17", "12:30", "null", ""];
  const plan = {
    ...vllmTensorParallel,
    nodes: vllmTensorParallel.nodes.map((node) => ({ ...node, argv, env: { A: "$(b)" } })),
  };
  const service = composeOf(plan).services["node-0"];
  const words = [...(service?.entrypoint ?? []), ...(service?.command ?? [])];
  expect(words.map((word) => interpolate(word))).toEqual(argv);
  expect(interpolate(service?.environment?.["A"] ?? "")).toBe("$(b)");
});

test("GPUs of NVIDIA are reserved, those of AMD are devices", () => {
  const devices = [{ driver: "nvidia", count: 8, capabilities: ["gpu"] }];
  expect(composeOf(vllmTensorParallel).services["node-0"]).toMatchObject({
    image: "${KIMI_IMAGE:-vllm/vllm-openai:v0.12.0}",
    deploy: { resources: { reservations: { devices } } },
  });
  const amd = { ...vllmTensorParallel.memory, accelerator: "MI300X" };
  const service = composeOf({ ...vllmTensorParallel, memory: amd }).services["node-0"];
  expect(service).toMatchObject({
    image: "${KIMI_IMAGE:-vllm/vllm-openai-rocm:v0.12.0}",
    devices: ["/dev/kfd:/dev/kfd", "/dev/dri:/dev/dri"],
  });
  expect(service).not.toHaveProperty("deploy");
  expect(composeErrors(composeOf({ ...vllmTensorParallel, memory: amd }))).toBe("");
});

test("a router gets no GPUs, and no model", () => {
  const { services } = composeOf(sglangSplit());
  expect(services["router"]).not.toHaveProperty("deploy");
  expect(services["router"]).not.toHaveProperty("volumes");
  expect(services["decode-11"]).toHaveProperty("deploy");
});

test("named InfiniBand devices are given to the container", () => {
  expect(composeOf(sglangSplit()).services["prefill-0"]).toMatchObject({
    devices: ["/dev/infiniband:/dev/infiniband"],
  });
});

test("folders of models are mounted to read under their own names", () => {
  const { services } = composeOf(ktransformersHost());
  expect(services["node-0"]?.volumes).toEqual(
    ["/models/Kimi-K2-Instruct", "/models/Kimi-K2-Instruct-AMX"].map((path) => ({
      type: "bind",
      source: path,
      target: path,
      read_only: true,
    })),
  );
});

test("a model of Hugging Face is downloaded into the host's cache", () => {
  expect(composeOf(vllmTensorParallel).services["node-0"]?.volumes).toMatchObject([
    { source: "${HF_HOME:-~/.cache/huggingface}", target: "/root/.cache/huggingface" },
  ]);
});

test("an engine without an image of its own asks for one", () => {
  const text = composeText(ktransformersHost());
  expect(text).toContain("image: ${KIMI_IMAGE:?set it to an image with ktransformers}\n");
  expect(text).toContain(
    "# KIMI_IMAGE must be set, to an image with kt-kernel and sglang-kt 0.5.2.\n",
  );
});

test("health is asked where the process listens", () => {
  const check = (plan: DeploymentPlan, name: string): string | undefined =>
    interpolate(composeOf(plan).services[name]?.healthcheck?.test[3] ?? "");
  expect(check(vllmDataParallel(), "node-0")).toContain('"http://127.0.0.1:8000/health"');
  expect(check(sglangTensorParallel, "node-0")).toContain('"http://127.0.0.1:30000/health"');
  expect(check(sglangSplit(), "decode-0")).toContain('"http://node-4:30000/health"');
  expect(composeOf(vllmDataParallel()).services["node-1"]).not.toHaveProperty("healthcheck");
});

test("the plan's files are configs in the folder that the command runs in", () => {
  const [host] = tensorrtMpi.mpi?.hosts ?? [];
  if (host === undefined) throw new Error("no host");
  const content = "a: $b\n";
  const plan: DeploymentPlan = {
    ...tensorrtMpi,
    mpi: { processes: 8, hosts: [host], argv: [] },
    files: [{ path: "conf/a.yaml", content, isExecutable: true }],
  };
  const { services, configs } = composeOf(plan);
  expect(interpolate(configs?.["conf-a.yaml"]?.content ?? "")).toBe(content);
  expect(services["node-0"]).toMatchObject({
    working_dir: "/deploy",
    configs: [{ source: "conf-a.yaml", target: "/deploy/conf/a.yaml", mode: "0755" }],
  });
  expect(composeErrors(composeOf(plan))).toBe("");
});

test("an MPI program on several hosts is refused", () => {
  expect(() => composeText(tensorrtMpi)).toThrow(
    "--format compose can't start an MPI program on 2 hosts",
  );
});

test("processes of one host that need each other's files are refused", () => {
  expect(() => composeText(vllmByRay())).toThrow(
    "--format compose starts each process in a container of its own, and ray-0 and node-0 need each other's files on node-0",
  );
});
