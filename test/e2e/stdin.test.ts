import { execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startEndpoint, type FakeEndpoint } from "../support/fake-endpoint.ts";
import { environment, kimi, newFolder, program, startKimi } from "../support/kimi.ts";

const shell = promisify(execFile);

const lastPrompt = ({ requests }: FakeEndpoint): unknown =>
  requests.at(-1)?.body.messages.at(-1)?.["content"];

/** Asks a server that keeps what it was asked. */
async function asked(
  args: readonly string[],
  options: Parameters<typeof kimi>[1] = {},
): Promise<unknown> {
  const endpoint = await startEndpoint("chat", [{ content: "ok" }]);
  const outcome = await kimi(["run", ...args, "--base-url", endpoint.url], options);
  expect(outcome).toEqual({ stdout: "ok\n", stderr: "", code: 0 });
  return lastPrompt(endpoint);
}

test("the prompt alone", async () => {
  expect(await asked(["q"])).toBe("q");
});

test("standard input alone", async () => {
  expect(await asked([], { stdin: "from the pipe\n" })).toBe("from the pipe");
});

test("- reads the prompt from standard input", async () => {
  expect(await asked(["-"], { stdin: "two\nlines\n" })).toBe("two\nlines");
});

test("prompt and pipe: the prompt, then the text in a block", async () => {
  expect(await asked(["Summarize"], { stdin: "北京\n\nis big\n" })).toBe(
    "Summarize\n\n<stdin>\n北京\n\nis big\n</stdin>",
  );
});

test.each(["", "\n"])("prompt and a pipe that carries nothing: the prompt", async (stdin) => {
  expect(await asked(["q"], { stdin })).toBe("q");
});

test("--no-stdin leaves a pipe alone", async () => {
  expect(await asked(["q", "--no-stdin"], { stdin: "ignored" })).toBe("q");
});

async function sh(script: string, url: string): Promise<{ stdout: string; stderr: string }> {
  const command = script.replaceAll(
    "kimi run",
    `"${process.execPath}" "${program}" run --base-url ${url}`,
  );
  return shell("bash", ["-c", command], { env: environment(), cwd: newFolder() });
}

test("prompt and /dev/null: no waiting, no block", async () => {
  const endpoint = await startEndpoint("chat", [{ content: "ok" }]);
  await sh('kimi run "q" < /dev/null', endpoint.url);
  expect(lastPrompt(endpoint)).toBe("q");
});

test("prompt and a closed standard input", async () => {
  const endpoint = await startEndpoint("chat", [{ content: "ok" }]);
  expect((await sh('kimi run "q" <&-', endpoint.url)).stdout).toBe("ok\n");
});

test("prompt and a file", async () => {
  const endpoint = await startEndpoint("chat", [{ content: "ok" }]);
  await sh('echo content > file; kimi run "q" < file', endpoint.url);
  expect(lastPrompt(endpoint)).toBe("q\n\n<stdin>\ncontent\n</stdin>");
});

test("a while-read loop keeps its lines with --no-stdin", async () => {
  const endpoint = await startEndpoint("chat", [{ content: "ok" }]);
  const { stdout } = await sh(
    'printf "1\\n2\\n3\\n" | while read -r line; do kimi run "q $line" --no-stdin; done',
    endpoint.url,
  );
  expect(stdout).toBe("ok\nok\nok\n");
});

test("a slow producer is waited for, and the person is told", async () => {
  const endpoint = await startEndpoint("chat", [{ content: "ok" }]);
  const told = join(newFolder(), "told");
  const producer = `until grep -q waiting ${told} 2>/dev/null; do sleep 0.05; done; echo late`;
  const script = `(${producer}) | kimi run "q" 2>${told}; cat ${told} >&2`;
  const { stdout, stderr } = await sh(script, endpoint.url);
  expect(stdout).toBe("ok\n");
  expect(stderr).toBe("waiting for standard input, which is open; --no-stdin leaves it alone\n");
  expect(lastPrompt(endpoint)).toContain("late");
});

test("a pipe that nobody closes is told of, and an interruption ends the wait", async () => {
  const running = startKimi(["run", "q", "--base-url", "http://127.0.0.1:1/v1", "--model", "m"], {
    stdin: new Uint8Array(),
    env: { KIMI_RETRIES: "0" },
  });
  expect((await running.ended).code).toBe(75); // closed at once: no wait
  const folder = newFolder();
  await shell("mkfifo", [join(folder, "fifo")]);
  const child = spawn(
    "bash",
    ["-c", `exec "${process.execPath}" "${program}" run q <> "${folder}/fifo"`],
    { env: environment() },
  );
  const told = new Promise<string>((resolve) =>
    child.stderr.setEncoding("utf8").once("data", resolve),
  );
  expect(await told).toContain("--no-stdin");
  child.kill("SIGINT");
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(130);
});

test("input that is not UTF-8 is refused with the place", async () => {
  const { stdout, stderr, code } = await kimi(["run"], {
    stdin: Buffer.from("caf\xe9 au lait", "latin1"),
  });
  expect([stdout, code]).toEqual(["", 2]);
  expect(stderr).toMatch(/^kimi: standard input is not UTF-8 text: byte 3 .*\nhint: .*iconv.*\n$/);
});

test("a large input arrives whole", async () => {
  const text = "北京 0123456789\n".repeat(100_000);
  expect(await asked(["-"], { stdin: text })).toBe(text.slice(0, -1));
});

test("an answer can be piped on", async () => {
  const endpoint = await startEndpoint("chat", [{ content: "a\nb\nc" }]);
  writeFileSync(join(newFolder(), "x"), "");
  expect((await sh('kimi run "q" < /dev/null | head -1', endpoint.url)).stdout).toBe("a\n");
});
