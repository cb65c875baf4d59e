import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as commands from "../../../src/cli/models-command.ts";
import { hub, startFileServer } from "../../support/file-server.ts";
import { fixture, nanoModel } from "../../support/golden.ts";

const k2 = fixture("configs", "kimi-k2-instruct");

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of `models-command.ts` in a program of its own, with its own data folder. */
function runIn(data: string, endpoint: string, call: string, interrupts = false): Promise<Ended> {
  const file = join(import.meta.dirname, "../../../src/cli/models-command.ts");
  const report = `catch (error) { process.stderr.write(error.message + "\\n"); }`;
  const script = `const commands = await import(${JSON.stringify(file)}); try { const value = await commands.${call}; if (typeof value === "string") process.stdout.write(value); else process.stdout.write("exit " + value + "\\n"); } ${report}`;
  const environment = { ...process.env, XDG_DATA_HOME: data, HF_ENDPOINT: endpoint };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ["--input-type=module", "-e", script],
      { env: environment },
      (_error, stdout, stderr) => resolve({ stdout, stderr }),
    );
    if (!interrupts) return;
    child.stderr?.on("data", (text: string) => void (text.includes("%") && child.kill("SIGINT")));
  });
}

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

test("inspect prints K2's figures in 80 columns without colours", async () => {
  const text = await commands.inspectModel(k2, { json: false });
  expect(text).toContain("total                          1,026,408,232,448            958 GiB\n");
  expect(text).toContain("  131,072      8.58 GiB  4.56 GiB  4.29 GiB        967 GiB\n");
  expect(text).toContain("experts                        1,014,686,023,680  98.86 %");
  expect(text).not.toContain("\u001B");
  expect(widest(text)).toBeLessThanOrEqual(80);
});

test("inspect --json is one object with the same figures", async () => {
  const json = JSON.parse(await commands.inspectModel(k2, { json: true })) as object;
  expect(json).toMatchObject({
    weights: { total: { parameters: 1_026_408_232_448 } },
    memory: { kvBytesPerToken: { f16: 70_272 } },
    problems: expect.arrayContaining([expect.objectContaining({ code: "fp8" })]) as object[],
  });
});

test("the embedded model is known by its name, to inspect, plan, path and list", async () => {
  expect(await commands.inspectModel("kimi-nano", { json: false })).toContain(
    "kimi-nano-q8_0.gguf",
  );
  expect(commands.modelPathText("kimi-nano").trim()).toBe(nanoModel);
  expect(commands.listModelsText({ json: false })).toMatch(
    /^kimi-nano +gguf +8.06 MiB +embedded$/m,
  );
  expect(() => commands.removeModelsText(["kimi-nano"])).toThrow(/is a part of this program/);
});

test("plan draws a bar for each device and prints commands, in 80 columns", async () => {
  const options = {
    json: false,
    type: "q4_k_m",
    gpuMemory: "24G@1008",
    ram: "640G",
    ramBandwidth: 300,
  };
  const text = await commands.planModel(k2, { ...options, threads: 32 });
  expect(text).toMatch(/^GPU 0 +\[A+D?S+E*T?K+B+\.*\] \d+\.\d GiB of 24.0 GiB$/m);
  expect(text).toMatch(/^CPU +\[E+\.+\] \d+ GiB of 640 GiB$/m);
  expect(text).toContain("It fits.\n");
  expect(text).toMatch(/Decoding: about \d+\.\d tokens\/s; at most \d+\.\d/);
  expect(text).toContain("llama-server -m MODEL.gguf -c 32768 -ngl 62");
  expect(text).toMatch(/--yarn-beta-fast 1 --yarn-beta-slow 1/);
  expect(text).not.toContain("\u001B");
  expect(widest(text)).toBeLessThanOrEqual(80);
});

test("a plan that does not fit says what is missing and which type would", async () => {
  const options = { json: false, gpuMemory: "24G", ram: "512G" };
  const text = await commands.planModel(k2, { ...options, type: "q5_k" });
  expect(text).toMatch(/It does not fit: \d+ GiB on CPU missing. Q3_K would \(411 GiB\)/);
  expect(text).toMatch(/^CPU +\[E+T?B?!\]/m);
});

test("plan --json has the placement, the speed and the flags", async () => {
  const options = {
    json: true,
    gpuMemory: "80G,80G",
    ram: "800G",
    kvType: "Q8_0",
    context: 131_072,
  };
  const json = JSON.parse(await commands.planModel(k2, options)) as object;
  expect(json).toMatchObject({
    fits: false, // Q8_0 has about a terabyte
    context: 131_072,
    devices: [{ name: "GPU 0" }, { name: "GPU 1" }, { name: "CPU" }],
    flags: { llamaCpp: expect.arrayContaining(["-ctk", "q8_0"]) as string[] },
  });
});

test.each([
  [{ gpuMemory: "24" }, /--gpu-memory 24 is no size/],
  [{ gpuMemory: "24G@fast" }, /no bandwidth fast/],
  [{ ram: "much" }, /--ram much is no size/],
  [{ kvType: "q7" }, /--kv-type q7 is none/],
  [{ type: "q9" }, /there is no type q9/],
])("a plan with %o is wrong use", async (options, message) => {
  const all = { json: false, gpuMemory: "none", ram: "64G", ...options };
  await expect(commands.planModel(k2, all)).rejects.toThrow(message);
});

test.runIf(process.platform === "linux")(
  "what is pulled is listed, found, inspected by name and removed",
  async () => {
    const nano = readFileSync(nanoModel);
    const { url } = await startFileServer(hub("org/nano", { "nano-Q8_0.gguf": nano }));
    const data = mkdtempSync(join(tmpdir(), "kimi-models-"));
    const run = (call: string): Promise<Ended> => runIn(data, url, call);
    const pull = 'pullModelCommand("hf:org/nano:Q8_0", {})';
    const path = join(data, "kimi", "models", "org--nano--Q8_0", "nano-Q8_0.gguf");
    const pulled = await run(pull);
    expect(pulled.stdout).toBe(`org/nano:Q8_0\t${path}\nexit 0\n`);
    expect(pulled.stderr).toMatch(/^100 % \[#{20}\] 8.06 MiB of 8.06 MiB .*nano-Q8_0.gguf$/m);
    expect(pulled.stderr).not.toContain("\u001B");
    expect(readFileSync(path).equals(nano)).toBe(true);
    const list = await run("listModelsText({ json: false })");
    expect(list.stdout).toMatch(/^org\/nano:Q8_0 +gguf +8.06 MiB\n/);
    expect((await run('modelPathText("org/nano:Q8_0")')).stdout).toBe(`${path}\n`);
    const byName = await run('inspectModel("org/nano:Q8_0", { json: true })');
    expect(JSON.parse(byName.stdout)).toMatchObject({ location: path, name: "kimi-nano" });
    expect((await run(pull)).stderr).toContain("org/nano:Q8_0 is there already");
    expect((await run('removeModelsText(["nano"])')).stderr).toMatch(/no pulled model nano/);
    const removed = await run('removeModelsText(["org/nano:Q8_0"])');
    expect(removed.stdout).toBe("removed org/nano:Q8_0 (8.06 MiB)\n");
    expect((await run('modelPathText("org/nano:Q8_0")')).stderr).toMatch(/no pulled model/);
  },
);

test.runIf(process.platform === "linux")(
  "an interrupted pull says that it can go on, ends with 130, and does",
  async () => {
    const nano = readFileSync(nanoModel);
    const files = { "nano-Q8_0.gguf": nano };
    const stuck = hub("org/nano", files, {
      "nano-Q8_0.gguf": (_request, response) => {
        response.writeHead(200, { "content-length": nano.length, etag: '"one"' });
        response.write(nano.subarray(0, 2_000_000));
      },
    });
    const data = mkdtempSync(join(tmpdir(), "kimi-models-"));
    const pull = 'pullModelCommand("hf:org/nano", {})';
    const cut = await runIn(data, (await startFileServer(stuck)).url, pull, true);
    expect(cut.stdout).toBe("exit 130\n");
    expect(cut.stderr).toContain("interrupted by SIGINT; the same command goes on from here\n");
    expect((await runIn(data, "", "listModelsText({ json: false })")).stdout).toMatch(
      /\d+ % there/,
    );
    expect((await runIn(data, "", 'modelPathText("org/nano")')).stderr).toMatch(/is not all there/);
    const { url } = await startFileServer(hub("org/nano", files));
    expect((await runIn(data, url, pull)).stdout).toMatch(/exit 0\n$/);
  },
);

test("a sum that is none is wrong use before anything is asked", async () => {
  const run = commands.pullModelCommand("hf:org/nano", { sha256: "abc" });
  await expect(run).rejects.toMatchObject({ exitCode: 2 });
});
