import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { kimi, newFolder, root } from "../support/kimi.ts";

const nano = join(root, "models/kimi-nano/kimi-nano-q8_0.gguf");

test("a model is described for people and for programs", async () => {
  const { stdout, code } = await kimi(["models", "inspect", nano]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/architecture +deepseek2: 5 layers of 256/);
  expect(stdout).toMatch(/total +7,508,000 /);
  const json = await kimi(["models", "inspect", "kimi-nano", "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ name: "kimi-nano" });
});

test("a plan says what goes where, and the flags for it", async () => {
  const config = join(root, "test/fixtures/configs/kimi-k2-instruct");
  const args = ["models", "plan", config, "--gpu-memory", "24G", "--ram", "1200G"];
  const { stdout, code } = await kimi(args);
  expect(code).toBe(0);
  expect(stdout).toContain("It fits.");
  expect(stdout).toMatch(/llama-server .*--cpu-moe[^]*--yarn-beta-fast 1 --yarn-beta-slow 1/);
  const small = await kimi(["models", "plan", config, "--gpu-memory", "24G", "--ram", "64G"]);
  expect(small.stdout).toMatch(/It does not fit: .* missing/);
});

const checkpoint = join(root, "test/fixtures/nano");

test("a checkpoint is looked at, converted and run", async () => {
  const output = join(newFolder(), "nano.gguf");
  const plan = await kimi(["models", "convert", checkpoint, output, "--dry-run"]);
  expect(plan.stdout).toMatch(/blk\.1\.ffn_gate_exps\.weight +Q8_0 +256 x \d+ x 8/);
  expect(existsSync(output)).toBe(false);
  const { code, stdout, stderr } = await kimi(["models", "convert", checkpoint, output]);
  expect(code).toBe(0);
  expect(stdout).toBe(`${output}  8.06 MiB\n`);
  expect(stderr).toMatch(/\d+\.\d s, .*\/s/);
  const said = await kimi(["run", "Hello", "--model", output]);
  expect(said.stdout).toBe("Hello! How can I help you?\n");
  const again = await kimi(["models", "convert", checkpoint, output]);
  expect(again.code).toBe(2);
  expect(again.stderr).toMatch(/nano\.gguf.*\nhint: .*--overwrite/);
  const wrong = await kimi(["models", "convert", checkpoint, output, "--type", "q9"]);
  expect(wrong.code).toBe(2);
});

test("the embedded model is what the script in the repository makes of nano's checkpoint", async () => {
  const output = join(newFolder(), "nano.gguf");
  const script = join(root, "scripts/make-nano.ts");
  await promisify(execFile)(process.execPath, [script, checkpoint, output]);
  expect(readFileSync(output).equals(readFileSync(nano))).toBe(true);
});

test("without the native addon inspect, plan and the first load say what is not honoured", async () => {
  const env = { KIMI_NATIVE: "off", XDG_CACHE_HOME: newFolder() };
  const told = /YaRN (betas|settings).*honour|honour.* YaRN betas/;
  expect((await kimi(["models", "inspect", nano], { env })).stdout).toMatch(told);
  expect((await kimi(["models", "plan", nano], { env })).stdout).toMatch(told);
  const first = await kimi(["run", "Hello"], { env });
  expect(first.stdout).toBe("Hello! How can I help you?\n");
  expect(first.stderr).toMatch(/YaRN settings \(betas 1, 1\) are not honoured.*KIMI_NATIVE is off/);
  expect((await kimi(["run", "Hello"], { env })).stderr).not.toMatch(told);
  const output = join(newFolder(), "nano.gguf");
  const quantised = await kimi(["models", "convert", checkpoint, output, "--type", "q4_k_m"], {
    env,
  });
  expect(quantised.code).toBe(1);
  expect(quantised.stderr).toMatch(/native addon[^]*hint: .*q8_0/);
});

test.skipIf(process.platform !== "linux")(
  "with the native addon nothing is left to say of YaRN",
  async () => {
    expect((await kimi(["models", "inspect", nano])).stdout).not.toMatch(/honour/);
    const env = { XDG_CACHE_HOME: newFolder() };
    expect((await kimi(["run", "Hello"], { env })).stderr).not.toMatch(/honour/);
  },
);

test("what was chosen for a model is shown, and is an event", async () => {
  const { stdout } = await kimi(["run", "Hello", "--kv-type", "q8_0", "--output", "stream-json"]);
  const notice = stdout.split("\n").find((line) => line.includes('"notice"')) ?? "{}";
  expect(JSON.parse(notice)).toEqual({
    type: "notice",
    level: "info",
    text: "CPU: layers 0-4 and experts of layers 1-4; context 8192, KV cache q8_0, 1 thread",
  });
});

test("a model is pulled from a server, found by its name, and removed", async () => {
  const bytes = readFileSync(nano);
  const server = createServer((request, response) => {
    const [, from] = /bytes=(\d+)-/.exec(request.headers.range ?? "") ?? [];
    const start = Number(from ?? 0);
    response.writeHead(from === undefined ? 200 : 206, {
      "content-length": bytes.length - start,
      "accept-ranges": "bytes",
      etag: '"1"',
      ...(from === undefined
        ? {}
        : { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.end(request.method === "HEAD" ? undefined : bytes.subarray(start));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const home = newFolder();
  const env = { HOME: home, XDG_DATA_HOME: `${home}/data` };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/nano.gguf`;
  const pulled = await kimi(["models", "pull", url], { env });
  expect(pulled.code).toBe(0);
  const [name = "", path = ""] = pulled.stdout.trim().split("\t");
  expect(readFileSync(path).equals(bytes)).toBe(true);
  const said = await kimi(["run", "Hello", "--model", name], { env });
  expect(said.stdout).toBe("Hello! How can I help you?\n");
  expect((await kimi(["models", "list"], { env })).stdout).toContain(name);
  expect((await kimi(["models", "rm", name], { env })).code).toBe(0);
  const left = await kimi(["models", "list"], { env });
  expect(left.stdout).not.toMatch(new RegExp(`^${name} `, "m"));
});

test.each([
  [["inspect", "nope"], 2, "there is no model at nope"],
  [["path", "nope"], 2, "there is no pulled model nope"],
  [["plan", "kimi-nano", "--context", "many"], 2, "many is not a whole number"],
  [["plan", "kimi-nano", "--gpu-memory", "big"], 2, "big"],
] as const)("kimi models %j is a mistake that is named, with a hint", async (args, code, words) => {
  const outcome = await kimi(["models", ...args]);
  expect(outcome.code).toBe(code);
  expect(outcome.stderr).toContain(words);
  expect(outcome.stderr).toContain("hint: ");
});

test("a damaged file is named", async () => {
  const folder = newFolder();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "bad.gguf"), "GGUF and nothing else");
  const { code, stderr } = await kimi(["models", "inspect", join(folder, "bad.gguf")]);
  expect(code).toBe(1);
  expect(stderr).toContain("bad.gguf");
  expect(readdirSync(folder)).toEqual(["bad.gguf"]);
});
