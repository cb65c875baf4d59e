/** `kimi deploy … --launch` from the command line to the profile, with a small server in vLLM's place. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { freePort, processesIn } from "../support/deployments.ts";
import { kimi, newFolder, root } from "../support/kimi.ts";

const engine = join(root, "test/support/deploy-engine.ts");

test("a plan is started here, found, used by its profile's name, and stopped", async () => {
  const [home, bin, port] = [newFolder(), newFolder(), await freePort("0.0.0.0")];
  writeFileSync(
    join(bin, "vllm"),
    `#!/bin/sh
while [ "$1" != --port ]; do shift; done
exec "${process.execPath}" "${engine}" "$2"
`,
  );
  chmodSync(join(bin, "vllm"), 0o755);
  const env = { HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home };
  const run = (...args: string[]) => kimi(args, { env });
  const model = join(root, "test/fixtures/nano");
  const hardware = ["--gpus", "1", "--gpu", "rtx 4090", "--model", model, "--port", `${port}`];
  const setup = ["--setup", `PATH="${bin}:$PATH"`, "--name", "tiny"];
  onTestFinished(async () => void (await run("deploy", "stop", "tiny")));
  const started = await run("deploy", "vllm", ...hardware, ...setup, "--launch", "--detach");
  expect(started).toMatchObject({ code: 0, stdout: `http://localhost:${port}/v1\n` });
  expect(started.stderr).toContain("ready: kimi chat --profile tiny\n");
  const profile = await run("config", "explain", "--profile", "tiny");
  expect(profile.stdout).toMatch(new RegExp(`^base-url +http://localhost:${port}/v1 `, "m"));
  expect(profile.stdout).toMatch(/^model +kimi-k2 /m);
  expect((await run("deploy", "status")).stdout).toMatch(/^tiny: .*\n.* answers\n.*running/);
  const again = await run("deploy", "vllm", ...hardware, ...setup, "--launch");
  expect(again.code).not.toBe(0);
  expect(again.stderr).toMatch(/tiny .*\nhint: .*stop tiny/);
  const stopped = await run("deploy", "stop", "tiny");
  expect(stopped.code).toBe(0);
  expect(processesIn(join(home, ".cache", "kimi", "deploy", "tiny"))).toEqual([]);
  expect((await run("deploy", "status")).stdout).toBe("no deployments\n");
  const gone = await run("deploy", "status", "tiny", "--json");
  expect(gone).toMatchObject({ code: 2, stdout: "" });
});

test("an engine that is not installed is told of before anything is started", async () => {
  const home = newFolder();
  const env = { HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, PATH: "/usr/bin:/bin" };
  const hardware = ["--gpus", "8", "--gpu", "h200", "--port", `${await freePort("0.0.0.0")}`];
  const { code, stdout, stderr } = await kimi(
    ["deploy", "vllm", ...hardware, "--launch", "--setup", "PATH=/nowhere:/usr/bin:/bin"],
    { env },
  );
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/vllm.*\nhint: /);
  expect((await kimi(["deploy", "status"], { env })).stdout).toBe("no deployments\n");
});
