/**
 * A real vLLM on the CPU, launched over ssh on loopback. KIMI_VLLM names its venv (test/README.md says how to make it);
 * without it, or without sshd, this is skipped.
 */
import { existsSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Host, NodeCommand } from "../../src/cluster/deployment-plan.ts";
import { writeBf16Checkpoint } from "../support/bf16-checkpoint.ts";
import { deploy, launchArguments, newDeployHome } from "../support/deploy.ts";
import { freePort, hostAt, planOf, processesIn } from "../support/deployments.ts";
import { jsonLines, kimi, newFolder, root, startKimi } from "../support/kimi.ts";
import { isSshdThere, startSshd } from "../support/loopback-sshd.ts";

const venv = process.env["KIMI_VLLM"];
const isThere = venv !== undefined && existsSync(join(venv, "bin", "vllm")) && isSshdThere;
const name = "kimi-vllm";
const startingSeconds = 1_200;

/** Nothing that a plan says: how this build runs without a GPU, with what cores there are. */
const withoutGpu = {
  VLLM_TARGET_DEVICE: "cpu",
  VLLM_CPU_KVCACHE_SPACE: "1",
  VLLM_CPU_OMP_THREADS_BIND: "nobind",
  VLLM_MLA_DISABLE: "1",
  HF_HUB_OFFLINE: "1",
};

interface Rank {
  readonly host: Host;
  readonly port: number;
  readonly model: string;
  readonly args?: readonly string[];
}

const words = (line: string): string[] => line.split(" ");

function vllmNode(index: number, { host, port, model, args = [] }: Rank): NodeCommand {
  return {
    name: `node-${index}`,
    role: index === 0 ? "serve" : "worker",
    host,
    argv: [
      ...words(`vllm serve ${model} --served-model-name kimi-nano --max-model-len 4096`),
      ...words(`--host ${host.address} --port ${port} --dtype bfloat16 --enforce-eager`),
      ...words("--enable-auto-tool-choice --tool-call-parser kimi_k2 --trust-remote-code"),
      ...args,
    ],
    env: { ...withoutGpu, VLLM_HOST_IP: host.address },
    ...(index === 0 ? { health: { port, path: "/health" } } : {}),
  };
}

/** Block FP8 needs AMX there, which few machines have. */
function bf16Model(): string {
  const model = join(newFolder(), "kimi-nano");
  writeBf16Checkpoint(join(root, "test", "fixtures", "nano"), model);
  return model;
}

async function hosts() {
  const sshd = await startSshd();
  onTestFinished(() => sshd.stop());
  const at = (address: string): Host => hostAt(address, { sshPort: sshd.port, sshUser: sshd.user });
  const folder = newFolder();
  const options = {
    name,
    folder,
    sshConfigFile: sshd.configFile,
    setup: `. ${venv}/bin/activate`,
    timeoutSeconds: startingSeconds,
  };
  return { at, sshd, folder, options, port: await freePort("0.0.0.0"), home: newDeployHome() };
}

test.skipIf(!isThere)(
  "a plan of kimi deploy is launched over ssh, calls a tool through its profile, and is gone after Ctrl-C",
  async () => {
    const { options, port, home, sshd } = await hosts();
    // Over ssh it is the person's own home.
    const folder = join(realpathSync(homedir()), ".cache", "kimi", "deploy", name);
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const env = home.env as Record<string, string>;
    const inventory = join(newFolder(), "cluster.yaml");
    writeFileSync(
      inventory,
      `hosts: [{ address: 127.0.0.2, gpu: rtx 4090, gpus: 1, ssh-user: ${sshd.user}, ssh-port: ${sshd.port} }]\n`,
    );
    const exports = Object.entries({ ...withoutGpu, VLLM_HOST_IP: "127.0.0.2" });
    const setup = `${options.setup}; export ${exports.map(([key, value]) => `${key}=${value}`).join(" ")}`;
    const running = startKimi(
      [
        ["deploy", "vllm", "--engine-version", "0.32", "--inventory", inventory],
        ["--model", bf16Model(), "--context", "4096", "--port", `${port}`, "--launch"],
        ["--name", name, "--ssh-config", options.sshConfigFile, "--setup", setup],
        ["--", "--dtype", "bfloat16", "--enforce-eager"],
      ].flat(),
      { env },
    );
    onTestFinished(async () => void (await kimi(["deploy", "stop", name], { env })));
    await running.until(/Ctrl-C stops it/);
    const question = ["run", "What's the weather in Beijing?", "--tools", "weather"];
    const { stdout, code } = await kimi(
      [...question, "--profile", name, "--output", "stream-json", "--temperature", "0"],
      { env },
    );
    expect(code).toBe(0);
    const events = jsonLines(stdout);
    expect(events).toContainEqual(expect.objectContaining({ type: "tool-end", outcome: "ok" }));
    const answer = expect.stringContaining("Beijing") as string;
    expect(events.at(-1)).toMatchObject({ type: "result", status: "done", answer });
    // The shell that runs it, the server, its engine core, and what follows the log.
    expect(processesIn(folder).length).toBeGreaterThan(3);
    running.process.kill("SIGINT");
    const ended = await running.ended;
    expect(ended.code).toBe(130);
    expect(ended.stderr).toMatch(/: stopped\n/);
    expect(processesIn(folder)).toEqual([]);
  },
  (startingSeconds + 120) * 1_000,
);

test.skipIf(!isThere)(
  "two data-parallel ranks on two hosts start and are stopped (asked nothing: vLLM 0.32 has no all_gatherv on the CPU, which experts need)",
  async () => {
    const { at, folder, options, port, home } = await hosts();
    const model = bf16Model();
    const [first, second] = [at("127.0.0.2"), at("127.0.0.3")];
    const rpcPort = await freePort("0.0.0.0");
    const args = words(
      `--data-parallel-size 2 --data-parallel-size-local 1 --data-parallel-address ${first.address} --data-parallel-rpc-port ${rpcPort}`,
    );
    const headless = [...args, "--headless", "--data-parallel-start-rank", "1"];
    const plan = planOf(
      [
        vllmNode(0, { host: first, port, model, args: [...args, "--api-server-count", "1"] }),
        vllmNode(1, { host: second, port, model, args: headless }),
      ],
      { model },
    );
    const running = deploy(home, launchArguments(plan, options));
    await running.until(/Ctrl-C stops it/);
    const metrics = await (await fetch(`http://${first.address}:${port}/metrics`)).text();
    for (const rank of [0, 1])
      expect(metrics).toContain(`vllm:num_requests_running{engine="${rank}"`);
    running.kill("SIGINT");
    const ended = await running.ended;
    expect(ended.code).toBe(130);
    expect(ended.stderr).toMatch(/node-0: (stopped|was gone already)\n/);
    expect(ended.stderr).toMatch(/node-1: (stopped|was gone already)\n/);
    expect(processesIn(folder)).toEqual([]);
  },
  (startingSeconds + 120) * 1_000,
);
