import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { DeploymentPlan } from "../../../../src/cluster/deployment-plan.ts";
import { listDeployments } from "../../../../src/cluster/launch/deployment-record.ts";
import {
  deploymentStatus,
  stopDeployment,
} from "../../../../src/cluster/launch/deployment-status.ts";
import type { LaunchEvent } from "../../../../src/cluster/launch/launch-events.ts";
import { launchPlan, type LaunchOptions } from "../../../../src/cluster/launch/launch-plan.ts";
import { newFolder } from "../../../support/kimi.ts";
import { isSshThere } from "../../../support/loopback-sshd.ts";
import { isRunning } from "../../../support/processes.ts";
import { freePort, hostAt, planOf, processesIn, testNode } from "../../../support/deployments.ts";

interface Launch {
  readonly options: LaunchOptions;
  readonly events: LaunchEvent[];
  readonly folder: string;
  readonly stateFolder: string;
}

function launchOf(plan: DeploymentPlan, more: Partial<LaunchOptions> = {}): Launch {
  const [folder, stateFolder] = [join(newFolder(), "it's here"), newFolder()];
  const events: LaunchEvent[] = [];
  const options: LaunchOptions = {
    plan,
    name: "test",
    folder,
    stateFolder,
    reach: { isLocal: false, connectTimeoutSeconds: 2 },
    timeoutMs: 20_000,
    graceSeconds: 10,
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
    ...more,
  };
  return { options, events, folder, stateFolder };
}

const withoutLogs = (events: readonly LaunchEvent[]): LaunchEvent[] =>
  events.filter(({ type }) => type !== "node-log");
const typesOf = (events: readonly LaunchEvent[]): string[] =>
  withoutLogs(events).map(({ type }) => type);

test("nodes are started in their order, waited for, and stopped", async () => {
  const [first, second] = [await freePort(), await freePort()];
  const nodes = [
    testNode({
      name: "node-0",
      port: first,
      args: ["--healthy-after", "2"],
      env: { GREETING: "o'k $HOME" },
    }),
    testNode({ name: "node-1", port: second, isWorker: true }),
  ];
  const files = [{ path: "etc/run.sh", content: "it's `here`\n", isExecutable: true }];
  const { options, events, folder, stateFolder } = launchOf(planOf(nodes, { files }));
  const running = await launchPlan(options);
  expect(running.url).toBe(`http://127.0.0.1:${first}/v1`);
  expect(readFileSync(join(folder, "etc/run.sh"), "utf8")).toBe("it's `here`\n");
  await expect
    .poll(() =>
      events.flatMap((event) => (event.type === "node-log" ? [`${event.node} ${event.line}`] : [])),
    )
    .toEqual(
      expect.arrayContaining(["node-0 100 %", "node-0 listening o'k $HOME", "node-1 listening "]),
    );
  const [record] = listDeployments(stateFolder);
  const status = record && (await deploymentStatus(record));
  expect(status).toMatchObject({
    name: "test",
    isAnswering: true,
    isHeld: true,
    nodes: [
      { state: "running", processes: 2 },
      { state: "running", processes: 2 },
    ],
  });
  await running.stop();
  expect(typesOf(events)).toEqual([
    "preflight",
    "node-start",
    "node-start",
    "node-ready",
    "node-ready",
    "ready",
    "stop",
    "node-stop",
    "node-stop",
  ]);
  expect(processesIn(folder)).toEqual([]);
  expect(readdirSync(stateFolder)).toEqual([]);
});

test("a node that ends early ends the launch, with its status and its last line", async () => {
  const nodes = [
    testNode({ name: "node-0", port: await freePort() }),
    testNode({ name: "node-1", port: await freePort(), args: ["--exit-with", "3"] }),
  ];
  const { options, events, folder, stateFolder } = launchOf(planOf(nodes));
  await expect(launchPlan(options)).rejects.toMatchObject({
    code: "node-ended",
    message: expect.stringMatching(
      /^node-1 on host h127001 ended with exit status 3 before it could serve; its last line: Traceback: CUDA out of /,
    ) as string,
    hint: `All of its log: ${folder}/node-1.log`,
  });
  expect(events).toContainEqual({ type: "node-exit", node: "node-1", exit: { status: 3 } });
  expect(processesIn(folder)).toEqual([]);
  expect(readdirSync(stateFolder)).toEqual([]);
});

test("what ignores SIGTERM is killed with its children, also with one that left its session", async () => {
  const port = await freePort();
  const { options, events, folder } = launchOf(
    planOf([testNode({ name: "node-0", port, args: ["--stubborn"] })]),
    { graceSeconds: 1 },
  );
  const running = await launchPlan(options);
  const pids = readFileSync(join(folder, "pids"), "utf8").split(" ").map(Number);
  expect(pids.filter(isRunning)).toEqual(pids);
  await running.stop();
  expect(pids.filter(isRunning)).toEqual([]);
  expect(withoutLogs(events).at(-1)).toEqual({ type: "node-stop", node: "node-0", how: "killed" });
  expect(readFileSync(join(folder, "node-0.log"), "utf8")).toContain("SIGTERM is ignored");
});

test("a killed node is a failure that is told of, and the rest can be stopped", async () => {
  const { options, folder } = launchOf(
    planOf([testNode({ name: "node-0", port: await freePort(), args: ["--stubborn"] })]),
    { graceSeconds: 0 },
  );
  const running = await launchPlan(options);
  const pids = readFileSync(join(folder, "pids"), "utf8").split(" ").map(Number);
  const [leader] = readFileSync(join(folder, "node-0.pid"), "utf8").split(" ").map(Number);
  for (const pid of [leader, pids[0]]) process.kill(pid ?? 0, "SIGKILL");
  expect((await running.failure).message).toMatch(
    /^node-0 on host h127001 was killed; its last line: /,
  );
  expect(pids.filter(isRunning)).toHaveLength(2);
  await running.stop();
  expect(processesIn(folder)).toEqual([]);
});

test("a process that has got the id of one that ended is not touched", async () => {
  const { options, folder, events } = launchOf(
    planOf([testNode({ name: "node-0", port: await freePort() })]),
  );
  const running = await launchPlan(options);
  const pidFile = join(folder, "node-0.pid");
  const [pid = "", start] = readFileSync(pidFile, "utf8").trim().split(" ");
  writeFileSync(pidFile, `${process.pid} ${start}\n`); // this process began at another time
  await running.stop();
  expect(withoutLogs(events).at(-1)).toMatchObject({ type: "node-stop", how: "ended" });
  expect(isRunning(Number(pid))).toBe(false);
});

test("a launch that takes too long is stopped", async () => {
  const { options, folder } = launchOf(
    planOf([
      testNode({ name: "node-0", port: await freePort(), args: ["--healthy-after", "1e9"] }),
    ]),
    { timeoutMs: 1_500 },
  );
  await expect(launchPlan(options)).rejects.toMatchObject({
    code: "not-ready",
    exitCode: 75,
    message: "node-0 on host h127001 could not serve within 2 s",
  });
  expect(processesIn(folder)).toEqual([]);
});

test("an interrupted launch stops what was started, and throws the reason", async () => {
  const controller = new AbortController();
  const events: LaunchEvent[] = [];
  const reason = new Error("interrupted");
  const { options, folder, stateFolder } = launchOf(
    planOf([
      testNode({ name: "node-0", port: await freePort(), args: ["--healthy-after", "1e9"] }),
    ]),
    {
      signal: controller.signal,
      onEvent(event) {
        events.push(event);
        if (event.type === "node-log" && event.line.startsWith("listening"))
          controller.abort(reason);
      },
    },
  );
  await expect(launchPlan(options)).rejects.toBe(reason);
  expect(withoutLogs(events).at(-1)).toEqual({ type: "node-stop", node: "node-0", how: "ended" });
  expect(processesIn(folder)).toEqual([]);
  expect(readdirSync(stateFolder)).toEqual([]);
});

test("one deployment at a time has a name", async () => {
  const plan = planOf([testNode({ name: "node-0", port: await freePort() })]);
  const { options, stateFolder, folder } = launchOf(plan);
  const running = await launchPlan(options);
  await expect(launchPlan({ ...options, folder: newFolder() })).rejects.toMatchObject({
    code: "name-in-use",
    message: `the deployment test is held by process ${process.pid}`,
    hint: "kimi deploy stop test ends it; or choose another name with --name.",
  });
  await running.stop();
  expect(readdirSync(stateFolder)).toEqual([]);
  const again = await launchPlan(options);
  await again.stop();
  expect(processesIn(folder)).toEqual([]);
});

const hasPython = spawnSync("python3", ["--version"]).status === 0;

test.runIf(hasPython)(
  "a package of Python's that is not there is found before anything is started",
  async () => {
    const free = testNode({ name: "node-0", port: await freePort() });
    const argv = ["python3", "-m", "sglang_of_no_kind.launch_server"];
    expect(await refused(planOf([{ ...free, argv }]))).toMatchObject({
      message: "python3 on host h127001 has no package sglang_of_no_kind",
      hint: expect.stringContaining("--setup"),
    });
  },
);

async function refused(plan: DeploymentPlan, more: Partial<LaunchOptions> = {}): Promise<unknown> {
  const { options, folder, stateFolder, events } = launchOf(plan, more);
  const thrown: unknown = await launchPlan(options).catch((error: unknown) => error);
  expect(typesOf(events)).toEqual(["preflight"]);
  expect(readdirSync(stateFolder)).toEqual([]);
  expect(() => readdirSync(folder)).toThrow("ENOENT");
  return thrown;
}

test("a port in use, a program or a model that is not there are found before anything is started", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const free = testNode({ name: "node-0", port: await freePort() });
  const used = testNode({ name: "node-1", port });
  expect(await refused(planOf([free, used]))).toMatchObject({
    code: "host-not-ready",
    message: `port ${port} of host h127001 is in use`,
    hint: "Stop what listens there, or choose another port.",
  });
  expect(await refused(planOf([{ ...free, peerPorts: [port] }]))).toMatchObject({
    message: `port ${port} of host h127001 is in use`,
  });
  expect(await refused(planOf([{ ...free, argv: ["vllm-of-no-kind"] }]))).toMatchObject({
    message: "there is no program vllm-of-no-kind on host h127001",
  });
  const model = "/no/such model";
  expect(
    await refused(planOf([{ ...free, argv: [...free.argv, model] }], { model })),
  ).toMatchObject({ message: `there is no model ${model} on host h127001` });
  expect(await refused(planOf([free]), { setup: ". /no/such/activate" })).toMatchObject({
    message: "the --setup command fails on host h127001",
  });
});

test("a setup command puts programs on the path, and so does a node's own environment", async () => {
  const folder = newFolder();
  symlinkSync(process.execPath, join(folder, "engine-of-mine"));
  const node = testNode({ name: "node-0", port: await freePort() });
  const argv = ["engine-of-mine", ...node.argv.slice(1)];
  const path = `${folder}:${process.env["PATH"]}`;
  for (const { env, setup } of [
    { env: { PATH: path } },
    { env: {}, setup: `export PATH='${path}'` },
  ]) {
    const { options } = launchOf(planOf([{ ...node, argv, env }]), { setup });
    await (await launchPlan(options)).stop();
  }
});

test.skipIf(!isSshThere)(
  "a host whose ssh port nobody listens on, and one that says nothing, do not answer",
  async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.2", resolve));
    onTestFinished(() => void silent.close());
    const { port: sshPort } = silent.address() as { port: number };
    const closed = await freePort();
    const at = async (port: number) =>
      planOf([
        testNode({
          name: "node-0",
          port: await freePort(),
          host: hostAt("127.0.0.2", { sshPort: port }),
        }),
      ]);
    expect(await refused(await at(closed))).toMatchObject({
      code: "unreachable",
      exitCode: 75,
      message: `host h127002 does not answer: connect to host 127.0.0.2 port ${closed}: Connection refused`,
      hint: `\`ssh -p ${closed} 127.0.0.2 true\` must work without asking: check the address, the port and that it is up.`,
    });
    expect(await refused(await at(sshPort))).toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(/^host h127002 does not answer: .*timed out/i) as string,
    });
  },
);

test.skipIf(!isSshThere)(
  "a host that is out of reach keeps nobody from stopping the others, and the deployment is still known",
  async () => {
    const plan = planOf([testNode({ name: "node-0", port: await freePort() })]);
    const { options, stateFolder, folder } = launchOf(plan);
    await (await launchPlan(options)).detach();
    const [record] = listDeployments(stateFolder);
    if (!record) throw new Error("there is no record");
    const gone = hostAt("127.0.0.2", { sshPort: await freePort() });
    const nodes = [testNode({ name: "node-1", port: 1, host: gone }), ...plan.nodes];
    const more = { ...record, plan: { ...plan, nodes } };
    expect((await deploymentStatus(more)).nodes).toMatchObject([
      { node: "node-1", state: "unreachable" },
      { node: "node-0", state: "running" },
    ]);
    await expect(stopDeployment(stateFolder, more, { graceSeconds: 5 })).rejects.toMatchObject({
      code: "unreachable",
    });
    expect(processesIn(folder)).toEqual([]);
    expect(listDeployments(stateFolder)).toHaveLength(1);
  },
);

test("a plan whose names would lead elsewhere is refused", async () => {
  const node = testNode({ name: "node-0", port: await freePort() });
  const bad = [
    planOf([{ ...node, name: "a/../b" }]),
    planOf([{ ...node, name: "a; rm -rf b" }]),
    planOf([{ ...node, env: { "A B": "" } }]),
    planOf([node, node]),
    planOf([node], { files: [{ path: "../../.bashrc", content: "" }] }),
  ];
  for (const plan of bad)
    await expect(launchPlan(launchOf(plan).options)).rejects.toThrow(/^the plan has /);
});
