import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { DeployLaunchOptions } from "../../src/cli/deploy-launch.ts";
import type { Host } from "../../src/cluster/deployment-plan.ts";
import { deploy, deployChild, launchArguments, newDeployHome } from "../support/deploy.ts";
import { freePort, hostAt, planOf, processesIn, testNode } from "../support/deployments.ts";
import { kimi, newFolder } from "../support/kimi.ts";
import { isSshdThere, startSshd, type LoopbackSshd } from "../support/loopback-sshd.ts";
import { isRunning } from "../support/processes.ts";
import { startInTerminal } from "../support/terminal.ts";

const name = "kimi-test";

function optionsIn(folder: string, more: Partial<DeployLaunchOptions> = {}): DeployLaunchOptions {
  return { name, folder, timeoutSeconds: 25, graceSeconds: 10, connectTimeoutSeconds: 2, ...more };
}

test("Ctrl-C ends every node, after the endpoint was registered as a profile", async () => {
  const home = newDeployHome();
  const folder = newFolder();
  const port = await freePort();
  const plan = planOf([
    testNode({ name: "node-0", port, args: ["--healthy-after", "2"] }),
    testNode({ name: "node-1", port: await freePort(), isWorker: true }),
  ]);
  const running = deploy(home, launchArguments(plan, optionsIn(folder)));
  await running.until(/Ctrl-C stops it/);
  expect(processesIn(folder).length).toBeGreaterThanOrEqual(4);
  const status = await deploy(home, ["status"]).ended;
  expect(status.stdout).toMatch(
    new RegExp(
      `^kimi-test: kimi-nano on vllm, since .*\\n  http://127.0.0.1:${port}/v1 answers\\n`,
    ),
  );
  expect(status.stdout).toContain("node-1  h127001  running  2 processes\n");
  const config = await kimi(["config", "explain", "--profile", name], {
    env: home.env as Record<string, string>,
  });
  expect(config.stdout).toContain(`http://127.0.0.1:${port}/v1`);
  running.kill("SIGINT");
  const { code, stdout, stderr } = await running.ended;
  expect(code).toBe(130);
  expect(stdout).toBe(`http://127.0.0.1:${port}/v1\n`);
  const lines = stderr
    .replaceAll(/[\d.]+ s|process \d+/g, "N")
    .trim()
    .split("\n");
  expect(lines.slice(0, -2)).toEqual([
    "looking at h127001",
    "node-0: started on host h127001, N",
    "node-1: started on host h127001, N",
    "node-0: ready after N",
    "node-1: ready after N",
    "ready: kimi chat --profile kimi-test",
    "Ctrl-C stops it",
    "stopping node-0, node-1",
  ]);
  expect(lines.slice(-2).sort()).toEqual(["node-0: stopped", "node-1: stopped"]);
  expect(processesIn(folder)).toEqual([]);
  expect((await deploy(home, ["status"]).ended).stdout).toBe("no deployments\n");
});

test("a second Ctrl-C kills what does not end", async () => {
  const folder = newFolder();
  const plan = planOf([testNode({ name: "node-0", port: await freePort(), args: ["--stubborn"] })]);
  const options = optionsIn(folder, { graceSeconds: 600, isFollowing: true });
  const running = deploy(newDeployHome(), launchArguments(plan, options));
  await running.until(/Ctrl-C stops it/);
  const pids = readFileSync(join(folder, "pids"), "utf8").split(" ").map(Number);
  running.kill("SIGINT");
  await running.until(/node-0 \| SIGTERM is ignored/);
  expect(pids.filter(isRunning)).toEqual(pids);
  running.kill("SIGINT");
  const { code, stderr } = await running.ended;
  expect(code).toBe(130);
  expect(stderr).toContain("node-0: killed, as it did not end by itself\n");
  expect(pids.filter(isRunning)).toEqual([]);
});

test("a launcher that was killed leaves what another one finds and stops", async () => {
  const home = newDeployHome();
  const folder = newFolder();
  const plan = planOf([testNode({ name: "node-0", port: await freePort() })]);
  const running = deploy(home, launchArguments(plan, optionsIn(folder)));
  await running.until(/Ctrl-C stops it/);
  running.kill("SIGKILL");
  await running.ended;
  // What only followed the log goes by itself: the node and its shell are left.
  await expect.poll(() => processesIn(folder).length, { timeout: 10_000 }).toBe(2);
  const json = await deploy(home, ["status-json"]).ended;
  expect(JSON.parse(json.stdout)).toMatchObject([
    { name, isHeld: false, isAnswering: true, nodes: [{ state: "running", processes: 2 }] },
  ]);
  const again = await deploy(home, launchArguments(plan, optionsIn(folder))).ended;
  expect(again).toMatchObject({
    code: 1,
    stderr: `kimi: the deployment ${name} is running on host h127001\nhint: kimi deploy stop ${name} ends it; or choose another name with --name.\n`,
  });
  const stopped = await deploy(home, ["stop", name]).ended;
  expect(stopped.code).toBe(0);
  expect(stopped.stderr).toMatch(
    /node-0: stopped\nhttp:.* is gone; the profile kimi-test stays\n$/,
  );
  expect(processesIn(folder)).toEqual([]);
  expect(await deploy(home, ["stop", name]).ended).toMatchObject({
    code: 2,
    stderr: `kimi: there is no deployment ${name}\nhint: None is running.\n`,
  });
});

test("a detached deployment goes on, and a stop from elsewhere ends one that is held", async () => {
  const home = newDeployHome();
  const folder = newFolder();
  const plan = planOf([testNode({ name: "node-0", port: await freePort() })]);
  const detached = await deploy(
    home,
    launchArguments(plan, optionsIn(folder, { isDetached: true })),
  ).ended;
  expect(detached.code).toBe(0);
  expect(processesIn(folder)).toHaveLength(2);
  expect((await deploy(home, ["stop", name]).ended).code).toBe(0);
  expect(processesIn(folder)).toEqual([]);

  const held = deploy(home, launchArguments(plan, optionsIn(folder)));
  await held.until(/Ctrl-C stops it/);
  expect((await deploy(home, ["stop", name]).ended).code).toBe(0);
  const { code, stderr } = await held.ended;
  expect(code).toBe(143);
  expect(stderr).toContain(`kimi: the deployment ${name} was stopped by another kimi\n`);
});

test("a node that ends early: its last lines, one line, one hint, and nothing left", async () => {
  const folder = newFolder();
  const plan = planOf([
    testNode({ name: "node-0", port: await freePort() }),
    testNode({ name: "node-1", port: await freePort(), args: ["--exit-with", "3"] }),
  ]);
  const { code, stdout, stderr } = await deploy(
    newDeployHome(),
    launchArguments(plan, optionsIn(folder)),
  ).ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("node-1 | Traceback: CUDA out of memory\n");
  expect(stderr).toMatch(
    /kimi: node-1 on host h127001 ended with exit status 3 before it could serve; its last line: .*\nhint: All of its log: .*\/node-1\.log\n$/,
  );
  expect(processesIn(folder)).toEqual([]);
});

test("a port in use: one line, one hint, nothing started", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const folder = newFolder();
  const plan = planOf([
    testNode({ name: "node-0", port: await freePort() }),
    testNode({ name: "node-1", port }),
  ]);
  expect(await deploy(newDeployHome(), launchArguments(plan, optionsIn(folder))).ended).toEqual({
    code: 1,
    stdout: "",
    stderr: `looking at h127001\nkimi: port ${port} of host h127001 is in use\nhint: Stop what listens there, or choose another port.\n`,
  });
});

test("on a terminal each node has a line that changes", async () => {
  const folder = newFolder();
  const home = newDeployHome();
  const plan = planOf([
    testNode({
      name: "node-0",
      port: await freePort(),
      args: ["--say", "\u001b[31mshards 界 ".repeat(20)],
    }),
    testNode({ name: "node-1", port: await freePort(), args: ["--healthy-after", "1e9"] }),
  ]);
  const args = launchArguments(plan, optionsIn(folder));
  const terminal = startInTerminal([], {
    env: home.env as Record<string, string>,
    columns: 60,
    shell: `exec '${process.execPath}' '${deployChild}' ${args.map((word) => `'${word}'`).join(" ")}`,
  });
  await expect
    .poll(() => terminal.screen(), { timeout: 20_000 })
    .toMatch(/^node-0 {2}ready .* s\nnode-1 {2}starting +[\d.]+ s {2}listening$/);
  terminal.type("\u0003");
  expect(await terminal.ended).toBe(130);
  expect(terminal.screen().split("\n").slice(-3)).toEqual([
    "stopping node-0, node-1",
    expect.stringMatching(/^node-[01]: stopped$/),
    expect.stringMatching(/^node-[01]: stopped$/),
  ]);
  expect(terminal.raw()).not.toContain("\u001b[31m");
  expect(processesIn(folder)).toEqual([]);
});

const isMpirunThere = spawnSync("mpirun", ["--version"]).status === 0;

test.skipIf(!isMpirunThere)("a program under mpirun is stopped with all of its ranks", async () => {
  const folder = newFolder();
  const [first, second] = [await freePort(), await freePort()];
  const node = testNode({ name: "node-0", port: first });
  const [runtime = "", engine = ""] = node.argv;
  const rank = `exec "$0" "$1" "$(echo ${first} ${second} | cut -d ' ' -f $((OMPI_COMM_WORLD_RANK + 1)))"`;
  const plan = planOf([
    {
      ...node,
      argv: ["mpirun", "-np", "2", "--oversubscribe", "sh", "-c", rank, runtime, engine],
      env: { OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" },
    },
  ]);
  const running = deploy(newDeployHome(), launchArguments(plan, optionsIn(folder)));
  await running.until(/Ctrl-C stops it/);
  await expect
    .poll(() =>
      fetch(`http://127.0.0.1:${second}/health`).then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200);
  // The shell, mpirun and two ranks, beside what follows the log.
  expect(processesIn(folder).filter((line) => line.includes(engine)).length).toBe(3);
  running.kill("SIGINT");
  const { code, stderr } = await running.ended;
  expect(code).toBe(130);
  expect(stderr).toContain("node-0: stopped\n");
  expect(processesIn(folder)).toEqual([]);
});

describe.skipIf(!isSshdThere)("over ssh", () => {
  let sshd: LoopbackSshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());
  const hostOf = (address: string): Host =>
    hostAt(address, { sshPort: sshd.port, sshUser: sshd.user });
  const twoHosts = async (args: readonly string[] = []) => {
    const [first, second] = ["127.0.0.2", "127.0.0.3"].map(hostOf);
    const port = await freePort("0.0.0.0");
    return planOf(
      [
        testNode({
          name: "node-0",
          port,
          ...(first ? { host: first } : {}),
          env: { GREETING: "it's $HOME" },
        }),
        testNode({ name: "node-1", port, ...(second ? { host: second } : {}), args }),
      ],
      { files: [{ path: "llm-api-config.yaml", content: "quoted: 'it''s'\n" }] },
    );
  };

  test("nodes on two hosts are started, followed and stopped", async () => {
    const folder = newFolder();
    const options = optionsIn(folder, { sshConfigFile: sshd.configFile, isFollowing: true });
    const running = deploy(newDeployHome(), launchArguments(await twoHosts(), options));
    await running.until(/Ctrl-C stops it/);
    await running.until(/node-0 \| listening it's \$HOME\n/);
    expect(readFileSync(join(folder, "llm-api-config.yaml"), "utf8")).toBe("quoted: 'it''s'\n");
    running.kill("SIGINT");
    const { code, stdout, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stdout).toMatch(/^http:\/\/127\.0\.0\.2:\d+\/v1\n$/);
    expect(stderr).toContain("node-1: stopped\n");
    expect(processesIn(folder)).toEqual([]);
  });

  test("after kill -9 of the launcher nothing but the nodes is left, and stop ends them", async () => {
    const home = newDeployHome();
    const folder = newFolder();
    const options = optionsIn(folder, { sshConfigFile: sshd.configFile, graceSeconds: 1 });
    const running = deploy(home, launchArguments(await twoHosts(["--stubborn"]), options));
    await running.until(/Ctrl-C stops it/);
    running.kill("SIGKILL");
    await running.ended;
    // Two shells, two nodes, and two children of the stubborn one.
    await expect.poll(() => processesIn(folder).length, { timeout: 15_000 }).toBe(6);
    const stopped = await deploy(home, ["stop", name, '{"graceSeconds":1}']).ended;
    expect(stopped.code).toBe(0);
    expect(stopped.stderr).toContain("node-0: stopped\n");
    expect(stopped.stderr).toContain("node-1: killed, as it did not end by itself\n");
    expect(processesIn(folder)).toEqual([]);
  });

  test("a host that does not answer: one line, one hint, and nothing on the others", async () => {
    const folder = join(newFolder(), "deployment");
    const plan = await twoHosts();
    const closed = await freePort();
    const nodes = plan.nodes.map((node, index) =>
      index === 1 ? { ...node, host: hostAt("127.0.0.3", { sshPort: closed }) } : node,
    );
    const options = optionsIn(folder, { sshConfigFile: sshd.configFile });
    const { code, stderr } = await deploy(
      newDeployHome(),
      launchArguments({ ...plan, nodes }, options),
    ).ended;
    expect(code).toBe(75);
    expect(stderr).toBe(
      `looking at h127002, h127003\nkimi: host h127003 does not answer: connect to host 127.0.0.3 port ${closed}: Connection refused\n` +
        `hint: \`ssh -p ${closed} 127.0.0.3 true\` must work without asking: check the address, the port and that it is up.\n`,
    );
    expect(() => readFileSync(folder)).toThrow("ENOENT");
  });

  test("a login that is refused and a key that is not known are told apart", async () => {
    const plan = await twoHosts();
    const attempt = (options: DeployLaunchOptions) =>
      deploy(newDeployHome(), launchArguments(plan, options)).ended;
    const { stderr } = await attempt(optionsIn(newFolder(), { sshConfigFile: "/dev/null" }));
    expect(stderr).toMatch(
      /kimi: the key of host h127002 is not known: Host key verification failed\./,
    );
  });
});
