/** `kimi deploy` as a program: what it prints and writes, and what it refuses. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { kimi, newFolder, root } from "../support/kimi.ts";

const two = ["--gpus", "16", "--gpu", "h200", "--nodes", "2"];

test("a plan for a person says what fits, why, and the commands", async () => {
  const { stdout, stderr, code } = await kimi(["deploy", "vllm", ...two]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^vLLM [\d.]+.*16 × H200/m);
  expect(stdout).toContain("--tensor-parallel-size 16");
  expect(stdout).toContain("--tool-call-parser kimi_k2");
  for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
});

test("a plan for a program is JSON", async () => {
  const args = [...two, "--context", "128k", "--concurrency", "64", "--format", "json"];
  const { stdout } = await kimi(["deploy", "vllm", ...args]);
  const plan = JSON.parse(stdout) as Record<string, unknown>;
  expect(plan).toMatchObject({
    engine: "vllm",
    engineVersion: expect.stringMatching(/^\d+\.\d+/),
    layout: { kind: "data and expert parallel", dataParallel: 16 },
    nodes: [
      { name: "node-0", argv: expect.arrayContaining(["vllm", "serve"]), env: {} },
      { name: "node-1", argv: expect.arrayContaining(["--headless"]) },
    ],
    files: [],
    memory: { context: 131_072, concurrency: 64 },
  });
});

test("files go where -o says, programs among them, and are not replaced unasked", async () => {
  const folder = join(newFolder(), "plan");
  const args = ["deploy", "tensorrt-llm", ...two, "--format", "script", "-o", folder];
  const { stdout, code } = await kimi(args);
  expect(code).toBe(0);
  const names = readdirSync(folder).toSorted();
  expect(names).toEqual(["check-ssh.sh", "extra-llm-api-config.yml", "node-0.sh"]);
  expect(stdout.trim().split("\n").toSorted()).toEqual(names.map((name) => join(folder, name)));
  expect(statSync(join(folder, "node-0.sh")).mode & 0o111).toBe(0o111);
  execFileSync("sh", ["-n", join(folder, "check-ssh.sh")]);
  expect((await kimi(args)).code).toBe(0); // the same again
  writeFileSync(join(folder, "node-0.sh"), "mine");
  const refused = await kimi(args);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/node-0\.sh is there already.*\nhint: --overwrite/);
  expect(readFileSync(join(folder, "node-0.sh"), "utf8")).toBe("mine");
  expect((await kimi([...args, "--overwrite"])).code).toBe(0);
});

test("an inventory says where the nodes are", async () => {
  const path = join(newFolder(), "cluster.yaml");
  writeFileSync(
    path,
    "gpu: h200\ngpus: 8\nssh-user: k2\nhosts: [{ name: a, address: 10.0.0.1 }, { name: b, address: 10.0.0.2 }]\n",
  );
  const { stdout } = await kimi(["deploy", "sglang", "--inventory", path, "--format", "json"]);
  const { nodes } = JSON.parse(stdout) as { nodes: { host: object; argv: string[] }[] };
  expect(nodes[1]).toMatchObject({ host: { name: "b", address: "10.0.0.2", sshUser: "k2" } });
  expect(nodes[1]?.argv).toContain("10.0.0.1:50000");
});

test("a checkpoint's folder is planned from its own config.json", async () => {
  const folder = join(root, "test/fixtures/nano");
  const args = ["--gpus", "1", "--gpu", "rtx 4090", "--model", folder, "--format", "json"];
  const { stdout, code } = await kimi(["deploy", "vllm", ...args]);
  expect(code).toBe(0);
  const plan = JSON.parse(stdout) as {
    model: string;
    memory: { perGpu: { weightsBytes: number } };
  };
  expect(plan.model).toBe(folder);
  expect(plan.memory.perGpu.weightsBytes).toBeLessThan(20e6);
});

test.each([
  [["deploy", "vlm", ...two], 2, "there is no engine vlm", "Did you mean vllm?"],
  [
    ["deploy", "vllm", "--gpus", "16", "--gpu", "h300"],
    2,
    "GPU h300 is not in the catalogue",
    "H200",
  ],
  [["deploy", "vllm", "--gpus", "0", "--gpu", "h200"], 2, "--gpus 0 is no count", "whole number"],
  [["deploy", "vllm", ...two, "--nodes", "0"], 2, "--nodes 0 is no count", "whole number"],
  [["deploy", "vllm"], 2, "it is not said what the machines are", "--gpus 16 --gpu h200"],
  [["deploy", "stopp", "x"], 2, "there is no engine stopp", "Did you mean kimi deploy stop?"],
  [["deploy"], 2, "missing required argument 'engine'", "kimi deploy --help"],
  [
    ["deploy", "vllm", ...two, "--context", "lots"],
    2,
    "--context lots is no number of tokens",
    "128k",
  ],
  [["deploy", "vllm", ...two, "--engine-version", "9.9"], 2, "9.9", "0."],
  [["deploy", "sglang", ...two, "--split", "1:2"], 2, "--split 1:2 is of 3 nodes", "all of them"],
  [
    ["deploy", "vllm", ...two, "--model", "/nowhere/at-all"],
    2,
    "--model /nowhere/at-all is not here",
    "Kimi-K2-Instruct",
  ],
  [["deploy", "vllm", "--inventory", "/nowhere.yaml"], 2, "/nowhere.yaml can't be read", "YAML"],
  [
    ["deploy", "vllm", ...two, "--inventory", "x.yaml"],
    2,
    "--inventory says what the machines are",
    "or the others",
  ],
  [["deploy", "vllm", ...two, "--launch"], 2, "it is not said where the nodes are", "--hosts"],
  [
    ["deploy", "vllm", "--gpus", "8", "--gpu", "h100"],
    1,
    "52.0 GiB are missing on each of 8 H100",
    "--gpus 16",
  ],
  [
    ["deploy", "vllm", "--gpus", "99999999999999999999", "--gpu", "h200"],
    2,
    "is no number of them",
    "4096",
  ],
  [["deploy", "vllm", ...two, "--split", "1:1"], 2, "--split goes with sglang", "sglang"],
  [["deploy", "vllm", ...two, "--ram", "1T"], 2, "--ram is for ktransformers", "GPUs"],
  [["deploy", "vllm", ...two, "--detach"], 2, "--detach is for --launch", "--launch"],
  [
    ["deploy", "vllm", ...two, "--launch", "-o", "x"],
    2,
    "--output-dir has no use with --launch",
    "the one or the other",
  ],
  [["deploy", "vllm", ...two, "--hosts", ""], 2, "--hosts is empty", "--hosts a,b"],
  [
    ["deploy", "vllm", ...two, "--hosts", "a b,c"],
    2,
    'names "a b", which is no host',
    "root@10.0.0.1:2233",
  ],
  [["deploy", "vllm", ...two, "--model-type", ""], 2, "--model-type is empty", "leave it out"],
  [
    ["deploy", "vllm", ...two, "--timeout", "99999999999999", "--launch"],
    2,
    "--timeout 99999999999999 is too long",
    "week",
  ],
  [
    ["deploy", "vllm", ...two, "--", "--tensor-parallel-size", "4"],
    2,
    "--tensor-parallel-size is in the plan already",
    "kimi deploy --help",
  ],
  [
    ["deploy", "vllm", ...two, "--", "-tp=4"],
    2,
    "-tp is in the plan already",
    "kimi deploy --help",
  ],
  [["deploy", "stop", "nothing"], 2, "nothing", "None is running"],
])("%j: one line and one hint", async (args, code, message, hint) => {
  const outcome = await kimi(args);
  expect(outcome.stdout).toBe("");
  const [first = "", second = "", ...rest] = outcome.stderr.split("\n");
  expect(first).toContain(message);
  expect(second).toMatch(/^hint: /);
  expect(second).toContain(hint);
  expect(rest).toEqual([""]);
  expect(outcome.code).toBe(code);
});

test("KTransformers gets a folder where others take a name", async () => {
  const { stdout } = await kimi([
    "deploy",
    "ktransformers",
    "--gpus",
    "1",
    "--gpu",
    "h200",
    "--cpu",
    "avx512",
  ]);
  expect(stdout).toContain("--kt-weight-path /models/Kimi-K2-Instruct ");
  expect(stdout).toContain("The checkpoint has to lie in /models/Kimi-K2-Instruct on the host");
});

test("hosts that are named give their names to what is written", async () => {
  const folder = join(newFolder(), "plan");
  const hosts = ["--hosts", "gpu1,gpu2", "--format", "script", "-o", folder];
  await kimi(["deploy", "vllm", ...two, ...hosts]);
  expect(readdirSync(folder).toSorted()).toEqual(["gpu1.sh", "gpu2.sh"]);
});

test("a person's own flags go to every command that serves, if the engine takes them", async () => {
  const json = async (engine: string, ...args: string[]) => {
    const { stdout } = await kimi(["deploy", engine, "--format", "json", ...args]);
    return (JSON.parse(stdout) as { nodes: { argv: string[] }[] }).nodes;
  };
  const nodes = await json("vllm", ...two, "--", "--enforce-eager", "--seed", "7");
  for (const { argv } of nodes) expect(argv.slice(-3)).toEqual(["--enforce-eager", "--seed", "7"]);
  const split = ["--gpus", "32", "--gpu", "h200", "--split", "2:2"];
  const halves = await json("sglang", ...split, "--", "--log-level", "debug");
  expect(halves.map(({ argv }) => argv.includes("debug"))).toEqual([true, true, true, true, false]);
  const refused = await kimi(["deploy", "vllm", ...two, "--", "--enforce-eagerly"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/there is no flag --enforce-eagerly\nhint: .*--engine-version/);
});
