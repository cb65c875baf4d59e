import { execFileSync, spawn } from "node:child_process";
import { existsSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startEndpoint, startEvents, event as sse } from "../support/fake-endpoint.ts";
import {
  environment,
  jsonLines,
  kimi,
  newFolder,
  program,
  root,
  startKimi,
} from "../support/kimi.ts";

const question = "What's the weather like in Beijing today? Use the tool to check.";

test("the embedded model calls a tool and answers with what it returned", async () => {
  const { stdout, stderr, code } = await kimi(["run", question, "--tools", "weather"]);
  expect(stdout).toMatch(
    /^I have no live weather for Beijing\. In \w+ it is typically [\w ]+ there, around -?\d+°C\.\n$/,
  );
  expect(stderr).toMatch(/→ weather in Beijing\n← weather in Beijing: ok \(\d+ ms\)\n/);
  expect(code).toBe(0);
});

test("the embedded model can only call a tool as it is declared, unless --no-constrain lets it", async () => {
  const cwd = newFolder();
  writeFileSync(
    join(cwd, "weather.mjs"),
    `export default {
  name: "get_weather", effect: "read",
  description: "Get the current weather in a city. Call this when the user asks about the weather.",
  parameters: { type: "object", properties: { city: { enum: ["Oslo", "上海"] } }, required: ["city"] },
  prepare: ({ city }) => ({ summary: "weather in " + city, start: async () => ({ output: "{}" }) }),
};`,
  );
  const ask = ["run", question, "--tools", "./weather.mjs", "--max-turns", "1"];
  const held = await kimi(ask, { cwd });
  expect(held.stderr).toMatch(/→ weather in (Oslo|上海)\n/);
  const free = await kimi([...ask, "--no-constrain"], { cwd });
  expect(free.stderr).toContain("do not fit");
  expect(free.stderr).not.toContain("→ weather");
});

test("a model file that has loaded once is loaded without another process", async () => {
  const folder = newFolder();
  const preload = join(folder, "note-forks.cjs");
  const noted = join(folder, "forks");
  const append = `require("node:fs").appendFileSync(${JSON.stringify(noted)}, "fork\\n")`;
  writeFileSync(
    preload,
    `const children = require("node:child_process");
const { fork } = children;
children.fork = (...args) => (${append}, fork(...args));
require("node:module").syncBuiltinESMExports();`,
  );
  const env = { NODE_OPTIONS: `--require ${preload}`, XDG_CACHE_HOME: join(folder, "cache") };
  const forks = (): string => (existsSync(noted) ? readFileSync(noted, "utf8") : "");
  await kimi(["run", "Hello"], { env });
  expect(forks()).toBe("fork\n");
  await kimi(["run", "Hello"], { env });
  expect(forks()).toBe("fork\n");
});

test("several tools and both calls of a turn", async () => {
  const { stdout, stderr } = await kimi([
    "run",
    "What's the weather in Tokyo and Paris?",
    "--tools",
    "weather,calculator,clock",
  ]);
  expect(stderr).toContain("→ weather in Tokyo\n→ weather in Paris\n");
  expect(stdout).toMatch(/Tokyo.*Paris/);
});

test("stream-json has every event as a line and the result last", async () => {
  const { stdout, code } = await kimi([
    "run",
    question,
    "--tools",
    "weather",
    "--output",
    "stream-json",
  ]);
  const lines = jsonLines(stdout);
  expect(lines[0]).toMatchObject({
    type: "init",
    version: 1,
    model: "kimi-nano",
    tools: ["get_weather"],
  });
  expect(lines.map(({ type }) => type)).toEqual(
    expect.arrayContaining([
      "turn-start",
      "tool-call-delta",
      "tool-call",
      "finish",
      "message",
      "tool-start",
      "tool-end",
      "text-delta",
      "end",
    ]),
  );
  expect(lines.at(-1)).toMatchObject({
    type: "result",
    version: 1,
    status: "done",
    exitCode: 0,
    answer: expect.stringContaining("Beijing") as string,
    session: lines[0]?.["session"],
    turns: 2,
    toolCalls: 1,
    usage: {
      inputTokens: expect.any(Number) as number,
      outputTokens: expect.any(Number) as number,
      cachedTokens: expect.any(Number) as number,
    },
    timing: { totalMs: expect.any(Number) as number, firstTokenMs: expect.any(Number) as number },
  });
  expect(lines.filter(({ type }) => type === "result")).toHaveLength(1);
  expect(code).toBe(0);
});

test("json is the result alone", async () => {
  const { stdout } = await kimi(["run", "Hello", "--output", "json"]);
  expect(JSON.parse(stdout)).toMatchObject({
    type: "result",
    status: "done",
    answer: "Hello! How can I help you?",
  });
});

test("the answer is the last reply, byte for byte, with one line break at its end", async () => {
  const answer = "  1. 北京 😀\n\n\tand \u001b[31mred\u001b[0m  ";
  const { url } = await startEndpoint("chat", [{ content: `${answer}\n\n\n` }]);
  expect((await kimi(["run", "q", "--base-url", url])).stdout).toBe(`${answer}\n`);
});

test("text before a call is not the answer", async () => {
  const { url } = await startEndpoint("chat", [
    { content: "Let me see.", calls: [{ name: "calculate", arguments: '{"expression": "6*7"}' }] },
    { content: "It is 42." },
  ]);
  const { stdout, code } = await kimi(["run", "q", "--base-url", url, "--tools", "calculator"]);
  expect(stdout).toBe("It is 42.\n");
  expect(code).toBe(0);
});

test("-o writes the answer to a file, whole, and a failed run leaves what was there", async () => {
  const file = join(newFolder(), "answer.txt");
  const { url } = await startEndpoint("chat", [
    { content: "Hello." },
    (response) => void response.writeHead(404).end(),
  ]);
  const first = await kimi(["run", "q", "--base-url", url, "-o", file]);
  expect([first.stdout, readFileSync(file, "utf8")]).toEqual(["", "Hello.\n"]);
  const second = await kimi(["run", "q", "--base-url", url, "-o", file]);
  expect(second.code).toBe(3);
  expect(readFileSync(file, "utf8")).toBe("Hello.\n");
  const third = await kimi(["run", "q", "--base-url", url, "-o", join(file, "below")]);
  expect(third.code).not.toBe(0);
});

test("-o follows a link, and writes to what is no file without putting one in its place", async () => {
  const folder = newFolder();
  const { url } = await startEndpoint("chat", [{ content: "Hello." }]);
  writeFileSync(join(folder, "real"), "before", { mode: 0o640 });
  symlinkSync("real", join(folder, "link"));
  await kimi(["run", "q", "--base-url", url, "-o", join(folder, "link")]);
  expect(readFileSync(join(folder, "real"), "utf8")).toBe("Hello.\n");
  expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
  expect(statSync(join(folder, "real")).mode & 0o777).toBe(0o640);

  execFileSync("mkfifo", [join(folder, "fifo")]);
  const reader = spawn("cat", [join(folder, "fifo")]);
  const read = new Promise<string>((resolve) =>
    reader.stdout.setEncoding("utf8").once("data", resolve),
  );
  await kimi(["run", "q", "--base-url", url, "-o", join(folder, "fifo")]);
  expect(await read).toBe("Hello.\n");
  expect(statSync(join(folder, "fifo")).isFIFO()).toBe(true);
});

test("system prompt, sampling and limits reach the server", async () => {
  const endpoint = await startEndpoint("chat", [{ content: "ok" }]);
  const flags =
    "--system Be_brief --temperature 0.5 --top-p 0.9 --top-k 40 --min-p 0.1 --seed 7 --max-tokens 99 --no-stream";
  await kimi(["run", "q", "--base-url", endpoint.url, "--model", "m", ...flags.split(" ")]);
  expect(endpoint.requests[0]?.body).toMatchObject({
    model: "m",
    messages: [
      { role: "system", content: "Be_brief" },
      { role: "user", content: "q" },
    ],
    temperature: 0.5,
    top_p: 0.9,
    top_k: 40,
    min_p: 0.1,
    seed: 7,
    max_tokens: 99,
    stream: false,
  });
});

test("every protocol does a whole tool turn", async () => {
  for (const protocol of ["chat", "completions", "anthropic"] as const) {
    const endpoint = await startEndpoint(protocol, [
      { calls: [{ name: "calculate", arguments: '{"expression": "6*7"}' }] },
      { content: "It is 42." },
    ]);
    const { stdout } = await kimi([
      "run",
      "q",
      "--base-url",
      endpoint.url,
      "--protocol",
      protocol,
      "--tools",
      "calculator",
    ]);
    expect(stdout).toBe("It is 42.\n");
    expect(JSON.stringify(endpoint.requests.at(-1)?.body)).toContain("42");
  }
});

test("--verbose says which model is used and what it took; --debug shows requests, never the key", async () => {
  const { url } = await startEndpoint("chat", [{ content: "ok" }]);
  const verbose = await kimi(["run", "q", "--base-url", url, "--verbose"]);
  expect(verbose.stderr).toMatch(
    /model fake, chat at http.* \(--base-url\)\n1 turn, 11 tokens in, 7 out, [\d.]+ s\n/,
  );
  const debug = await kimi([
    "run",
    "q",
    "--base-url",
    url,
    "--debug",
    "--api-key",
    "sk-very-secret-key",
  ]);
  expect(debug.stderr).toMatch(/debug: POST http.*\/chat\/completions \{"model":"fake"/);
  expect(debug.stderr).not.toContain("very-secret");
  expect(debug.stdout).toBe("ok\n");
});

describe("a run that stops before it is done exits 4 and says why", () => {
  test("at the token limit", async () => {
    const { stdout, stderr, code } = await kimi(["run", "Hello", "--max-tokens", "3"]);
    expect([stdout, code]).toEqual(["Hello! How\n", 4]);
    expect(stderr).toContain("stopped: the reply reached its token limit; --max-tokens sets it\n");
  });

  test("at the turn limit", async () => {
    const { stderr, code } = await kimi([
      "run",
      question,
      "--tools",
      "weather",
      "--max-turns",
      "1",
    ]);
    expect(code).toBe(4);
    expect(stderr).toContain("--max-turns");
  });

  test("in a loop", async () => {
    const { url } = await startEndpoint("chat", [
      { calls: [{ name: "calculate", arguments: '{"expression": "1"}' }] },
    ]);
    const { stdout, code } = await kimi([
      "run",
      "q",
      "--base-url",
      url,
      "--tools",
      "calculator",
      "--output",
      "json",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ status: "loop", exitCode: 4, turns: 5 });
    expect(code).toBe(4);
  });

  test("at the time limit", async () => {
    const { url } = await startEndpoint("chat", [{ content: "one two three four", hangs: true }]);
    const { stderr, code, stdout } = await kimi([
      "run",
      "q",
      "--base-url",
      url,
      "--timeout",
      "0.5",
      "--output",
      "json",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ status: "timeout", exitCode: 4 });
    expect([code, stderr]).toEqual([4, "the time limit of 0.5 s is reached\n"]);
  });
});

describe("a failure has its exit code and one hint", () => {
  test.each([
    [401, 3],
    [404, 3],
    [400, 1],
    [500, 1],
    [429, 75],
    [503, 75],
  ])("HTTP %i exits %i", async (status, exitCode) => {
    const { url } = await startEndpoint("chat", [
      (response) => void response.writeHead(status).end('{"error": "why"}'),
    ]);
    const { stdout, stderr, code } = await kimi(["run", "q", "--base-url", url, "--model", "m"], {
      env: { KIMI_RETRIES: "0" },
    });
    expect([stdout, code]).toEqual(["", exitCode]);
    expect(stderr).toMatch(/^kimi: .*why\nhint: .*\n$/);
  });

  test("nothing listens: 75, and stream-json still ends with a result", async () => {
    const { stdout, code } = await kimi(
      [
        "run",
        "q",
        "--base-url",
        "http://127.0.0.1:1/v1",
        "--model",
        "m",
        "--output",
        "stream-json",
      ],
      {
        env: { KIMI_RETRIES: "0" },
      },
    );
    expect(jsonLines(stdout).at(-1)).toMatchObject({
      type: "result",
      status: "error",
      exitCode: 75,
      error: { code: "unreachable" },
    });
    expect(code).toBe(75);
  });

  test("a retry is shown on standard error", async () => {
    const { url } = await startEndpoint("chat", [
      (response) => void response.writeHead(503, { "retry-after": "0" }).end(),
      { content: "ok" },
    ]);
    const { stdout, stderr } = await kimi(["run", "q", "--base-url", url]);
    expect(stdout).toBe("ok\n");
    expect(stderr).toMatch(/is overloaded \(HTTP 503\); trying again in 0.0 s \(1 of 4\)/);
  });
});

describe("an interruption", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("by %s stops the model, prints the result and exits %i", async (signal, exitCode) => {
    const endpoint = await startEndpoint("chat", [{ content: "one two three four", hangs: true }]);
    const running = startKimi(["run", "q", "--base-url", endpoint.url, "--output", "stream-json"]);
    await running.until(/text-delta/);
    running.process.kill(signal);
    const { stdout, code } = await running.ended;
    const lines = jsonLines(stdout);
    expect(lines.at(-1)).toMatchObject({
      type: "result",
      status: "interrupted",
      exitCode,
      answer: expect.stringMatching(/^one/) as string,
    });
    expect(lines.at(-2)).toEqual({ type: "end", reason: "interrupted" });
    expect(code).toBe(exitCode);
    await expect.poll(() => endpoint.openConnections()).toBe(0);
  });

  test("stops tools and everything they have started", async () => {
    const folder = newFolder();
    const tool = join(folder, "slow");
    const schema = '{"name": "slow", "description": "d", "parameters": {"type": "object"}}';
    writeFileSync(
      tool,
      `#!/bin/sh\nif [ "$1" = --schema ]; then echo '${schema}'; exit; fi\nsleep 1000 & echo $! > pid; echo started >&2; wait\n`,
      { mode: 0o755 },
    );
    const { url } = await startEndpoint("chat", [{ calls: [{ name: "slow", arguments: "{}" }] }]);
    const running = startKimi(
      ["run", "q", "--base-url", url, "--tools", "./slow", "--yes", "--output", "stream-json"],
      { cwd: folder },
    );
    await running.until(/started/);
    running.process.kill("SIGINT");
    const { stdout, code } = await running.ended;
    expect(code).toBe(130);
    const answers = jsonLines(stdout).filter(
      ({ message }) => (message as { role?: string } | undefined)?.role === "tool",
    );
    expect(answers).toHaveLength(1);
    const pid = readFileSync(join(folder, "pid"), "utf8").trim();
    await expect
      .poll(
        () => !existsSync(`/proc/${pid}`) || /\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8")),
      )
      .toBe(true);
  });

  test("reaches a run that waits to try again", async () => {
    const { url } = await startEndpoint("chat", [
      (response) => void response.writeHead(503, { "retry-after": "50" }).end(),
    ]);
    const running = startKimi(["run", "q", "--base-url", url]);
    await running.until(/trying again/);
    running.process.kill("SIGINT");
    expect((await running.ended).code).toBe(130);
  });

  test("reaches the embedded model between two tokens", async () => {
    // the answer of this seed is about 2,000 tokens long: without one, the first may be the end
    const long = ["--temperature", "9", "--seed", "1"];
    const running = startKimi(["run", "Hello", ...long, "--output", "stream-json"]);
    await running.until(/text-delta/);
    running.process.kill("SIGINT");
    const { stdout, code } = await running.ended;
    expect(jsonLines(stdout).at(-1)).toMatchObject({ type: "result", exitCode: 130 });
    expect(code).toBe(130);
  });
});

test("a reader that closes ends the run quietly", async () => {
  const endpoint = await startEndpoint("chat", [
    (response) => {
      startEvents(response);
      const chunk = sse({ choices: [{ delta: { content: "line\n" } }] });
      const timer = setInterval(() => response.write(chunk), 5);
      response.on("close", () => clearInterval(timer));
    },
  ]);
  const running = startKimi(["run", "q", "--base-url", endpoint.url]);
  await running.until(/line/);
  running.process.stdout?.destroy();
  const { stderr, code } = await running.ended;
  expect([stderr, code]).toEqual(["", 0]);
  await expect.poll(() => endpoint.openConnections()).toBe(0);
});

describe("tools of the user's own", () => {
  const dice = `export default {
  name: "roll", description: "Roll dice.", effect: "read",
  parameters: { type: "object", properties: { sides: { type: "integer" } }, required: ["sides"] },
  prepare: ({ sides }) => ({ summary: "roll " + sides, start: async () => ({ output: String(sides - 1) }) }),
};`;

  test.each(["dice.mjs", "dice.js", "dice.ts"])("a module %s", async (name) => {
    const folder = newFolder();
    writeFileSync(
      join(folder, name),
      name.endsWith("ts") ? dice.replace("({ sides })", "({ sides }: { sides: number })") : dice,
    );
    writeFileSync(join(folder, "package.json"), '{"type": "module"}');
    const endpoint = await startEndpoint("chat", [
      { calls: [{ name: "roll", arguments: '{"sides": 6}' }] },
      { content: "Five." },
    ]);
    const { stdout, stderr } = await kimi(
      ["run", "q", "--base-url", endpoint.url, "--tools", `./${name}`],
      { cwd: folder },
    );
    expect([stdout, stderr]).toEqual(["Five.\n", expect.stringMatching(/^→ roll 6\n← roll 6: ok/)]);
    expect(endpoint.requests.at(-1)?.body.messages.at(-1)).toMatchObject({
      role: "tool",
      content: "5",
    });
  });

  test("an executable, whose complaints reach the person", async () => {
    const folder = newFolder();
    const schema =
      '{"name": "shout", "description": "d", "parameters": {"type": "object", "properties": {"text": {"type": "string"}}}}';
    writeFileSync(
      join(folder, "shout"),
      `#!/bin/sh\nif [ "$1" = --schema ]; then echo '${schema}'; exit; fi\necho busy >&2\ntr a-z A-Z\n`,
      { mode: 0o755 },
    );
    const endpoint = await startEndpoint("chat", [
      { calls: [{ name: "shout", arguments: '{"text": "hi"}' }] },
      { content: "ok" },
    ]);
    const args = ["run", "q", "--base-url", endpoint.url, "--tools", "./shout", "--yes"];
    const { stderr } = await kimi(args, { cwd: folder });
    expect(stderr).toContain("busy\n");
    expect(endpoint.requests.at(-1)?.body.messages.at(-1)).toMatchObject({
      content: '{"TEXT":"HI"}',
    });
  });
});

describe("nothing is lost", () => {
  test("on a reader that is slow", async () => {
    const { url } = await startEndpoint("chat", [{ content: "0123456789".repeat(300_000) }]);
    const command = `"${process.execPath}" "${program}" run q --no-stream --base-url ${url} | (sleep 3; wc -c)`;
    const child = spawn("bash", ["-c", command], {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const counted = new Promise<string>((resolve) =>
      child.stdout.setEncoding("utf8").once("data", resolve),
    );
    expect(Number(await counted)).toBe(3_000_001);
  });

  test("when a tool's module throws where nobody waits: a result, and exit code 70", async () => {
    const folder = newFolder();
    writeFileSync(
      join(folder, "stray.mjs"),
      'export default { name: "t", description: "d", effect: "read", parameters: { type: "object" }, prepare: () => ({ summary: "t", start: () => new Promise(() => setTimeout(() => { throw new Error("stray"); })) }) };',
    );
    const { url } = await startEndpoint("chat", [{ calls: [{ name: "t", arguments: "{}" }] }]);
    const { stdout, stderr, code } = await kimi(
      ["run", "q", "--base-url", url, "--tools", "./stray.mjs", "--output", "stream-json"],
      { cwd: folder },
    );
    expect(jsonLines(stdout).at(-1)).toMatchObject({
      type: "result",
      status: "error",
      exitCode: 70,
      error: { message: "stray" },
    });
    expect(stderr).toContain("kimi: a bug: stray\n");
    expect(code).toBe(70);
  });

  test("a module that never ends loading is no success", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "never.mjs"), "await new Promise(() => {});");
    expect((await kimi(["run", "q", "--tools", "./never.mjs"], { cwd: folder })).code).toBe(70);
  });

  test("a full disk is a failure", async () => {
    const { url } = await startEndpoint("chat", [{ content: "Hello." }]);
    const command = `"${process.execPath}" "${program}" run q --base-url ${url} > /dev/full`;
    const child = spawn("bash", ["-c", command], {
      env: environment(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    const complaint = new Promise<string>((resolve) =>
      child.stderr.setEncoding("utf8").once("data", resolve),
    );
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(await complaint).toMatch(/^kimi: standard output can't be written: .*ENOSPC/);
    expect(code).toBe(1);
  });
});

test("a key that a server echoes is not printed", async () => {
  const key = "sk-0123456789abcdefghij";
  const { url } = await startEndpoint("chat", [
    (response) => void response.writeHead(401).end(`{"error": "bad key ${key}"}`),
  ]);
  const { stdout, stderr } = await kimi([
    "run",
    "q",
    "--model",
    "m",
    "--base-url",
    url,
    "--api-key",
    key,
    "--output",
    "json",
    "--debug",
  ]);
  expect(stdout + stderr).toContain("bad key sk-…ghij");
  expect(stdout + stderr).not.toContain(key);
});

test("the built program needs no file of the sources", () => {
  expect(existsSync(join(root, "dist", "main.js"))).toBe(true);
});
