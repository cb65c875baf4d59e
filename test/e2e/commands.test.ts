import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startEndpoint } from "../support/fake-endpoint.ts";
import { environment, kimi, newFolder, program, root } from "../support/kimi.ts";

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
};

test("--version is the version", async () => {
  expect(await kimi(["--version"])).toEqual({ stdout: `${version}\n`, stderr: "", code: 0 });
  expect((await kimi(["-V"])).stdout).toBe(`${version}\n`);
});

test("bare kimi and --help print help on standard output", async () => {
  const help = await kimi(["--help"]);
  expect(help).toMatchObject({ stderr: "", code: 0 });
  for (const command of ["chat", "run", "sessions", "format", "tools", "config", "completion"])
    expect(help.stdout).toMatch(new RegExp(`^  ${command} `, "m"));
  expect(await kimi([])).toEqual(help);
  expect((await kimi(["run", "--help"])).stdout).toContain("--temperature <number>");
});

test.each([["--help"], ["config list"], ["completion bash"]])(
  "a reader that closes is no error: %s",
  async (words) => {
    const child = spawn(process.execPath, [program, ...words.split(" ")], { env: environment() });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect([stderr, code]).toEqual(["", 0]);
  },
);

test("tools lists the tools that the demonstration model knows best", async () => {
  const { stdout } = await kimi(["tools"]);
  expect(stdout).toMatch(
    /^calculator +calculate +read +Evaluate an arithmetic expression exactly\. Call this for any arithmetic\.$/m,
  );
  expect(stdout).toMatch(
    /^clock +get_time +read +Get the current date and time in a time zone or city\.$/m,
  );
  expect(stdout).toMatch(
    /^weather +get_weather +network +Get the current weather in a city\. Call this when the user asks about the weather\.$/m,
  );
  const json = JSON.parse((await kimi(["tools", "--json", "weather"])).stdout) as object[];
  expect(json).toMatchObject([
    {
      tool: "weather",
      parameters: {
        properties: { city: { description: "Name of the city, for example Beijing" } },
      },
    },
  ]);
});

describe("config", () => {
  const folder = newFolder();
  const env = { XDG_CONFIG_HOME: folder };
  const path = join(folder, "kimi", "config.json");
  const config = (...args: string[]) => kimi(["config", ...args], { env });

  test("path is where the file is", async () => {
    expect((await config("path")).stdout).toBe(`${path}\n`);
  });

  test("set, get, unset", async () => {
    expect((await config("set", "temperature", "0.5")).stdout).toBe("temperature = 0.5\n");
    expect((await config("get", "temperature")).stdout).toBe("0.5\n");
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ temperature: 0.5 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await config("unset", "temperature");
    expect(await config("get", "temperature")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("temperature is not set") as string,
    });
    expect(await config("unset", "temperature")).toMatchObject({ code: 3 });
  });

  test("keys are never printed whole", async () => {
    expect((await config("set", "api-key", "sk-0123456789abcdefghij")).stdout).toBe(
      "api-key = sk-…ghij\n",
    );
    const shown = [await config("get", "api-key"), await config("list"), await config("explain")]
      .map(({ stdout }) => stdout)
      .join("");
    expect(shown).toContain("sk-…ghij");
    expect(shown).not.toContain("0123456789");
    await config("unset", "api-key");
  });

  test("a profile groups settings", async () => {
    const endpoint = await startEndpoint("chat", [{ content: "ok" }]);
    await config("set", "--profile", "work", "base-url", `${endpoint.url}/`);
    await config("set", "--profile", "work", "model", "big");
    await config("set", "--profile", "work", "temperature", "0.25");
    const { stdout } = await kimi(["run", "q", "--profile", "work"], { env });
    expect(stdout).toBe("ok\n");
    expect(endpoint.requests[0]?.body).toMatchObject({ model: "big", temperature: 0.25 });
    expect((await config("get", "model", "--profile", "work")).stdout).toBe("big\n");
    expect((await config("explain", "--profile", "work")).stdout).toMatch(
      /^model +big +profile work$/m,
    );
    for (const name of ["base-url", "model", "temperature"])
      await config("unset", "--profile", "work", name);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ profiles: {} });
  });

  test("explain says where each value comes from", async () => {
    await config("set", "max-turns", "9");
    const { stdout } = await kimi(["config", "explain"], {
      env: {
        ...env,
        KIMI_TEMPERATURE: "0.3",
        OPENAI_BASE_URL: "http://127.0.0.1:9/v1",
        OPENAI_API_KEY: "sk-openai-0123456789",
      },
    });
    expect(stdout).toMatch(new RegExp(`^max-turns +9 +${path}$`, "m"));
    expect(stdout).toMatch(/^temperature +0.3 +KIMI_TEMPERATURE$/m);
    expect(stdout).toMatch(/^base-url +http:\/\/127.0.0.1:9\/v1 +OPENAI_BASE_URL$/m);
    expect(stdout).toMatch(/^api-key +sk-…6789 +OPENAI_API_KEY$/m);
    expect(stdout).toMatch(/^retries +4 +default$/m);
    expect(stdout).toMatch(/^seed +not set \(--seed, KIMI_SEED\)$/m);
  });

  test("a damaged file is named and not overwritten", async () => {
    writeFileSync(path, '{"temperature": 0.5,');
    expect(await config("set", "temperature", "1")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(path) as string,
    });
    expect(readFileSync(path, "utf8")).toBe('{"temperature": 0.5,');
    writeFileSync(path, '{"temprature": 0.5}');
    expect(await kimi(["run", "q"], { env })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("Did you mean temperature?") as string,
    });
    rmSync(path);
  });

  test("a project's file sets what is harmless, and the rest is ignored aloud", async () => {
    const endpoint = await startEndpoint("chat", [{ content: "ok" }]);
    const project = newFolder();
    mkdirSync(join(project, ".kimi"));
    mkdirSync(join(project, "deep", "down"), { recursive: true });
    writeFileSync(
      join(project, ".kimi", "config.json"),
      JSON.stringify({
        system: "Be brief.",
        "base-url": "http://evil.example/v1",
        tools: ["./evil"],
      }),
    );
    const { stdout, stderr } = await kimi(["run", "q", "--base-url", endpoint.url], {
      cwd: join(project, "deep", "down"),
    });
    expect(stdout).toBe("ok\n");
    expect(stderr).toMatch(
      /^ignored base-url, tools in .*config.json: a project's file may not set/,
    );
    expect(endpoint.requests.at(-1)?.body).toMatchObject({
      messages: [{ role: "system", content: "Be brief." }, { content: "q" }],
    });
    expect(endpoint.requests.at(-1)?.body.tools).toBeUndefined();
  });
});

describe("completion", () => {
  test.each(["bash", "zsh", "fish"])(
    "the script for %s is one that the shell reads",
    async (shell) => {
      const { stdout, code } = await kimi(["completion", shell]);
      expect(code).toBe(0);
      expect(stdout).toContain("kimi");
      if (shell === "bash") execFileSync("bash", ["-n"], { input: stdout });
    },
  );

  test("commands, flags and values are completed", async () => {
    const complete = async (...words: string[]) =>
      (await kimi(["complete", "--", ...words])).stdout;
    expect(await complete("r")).toMatch(/^run\b/m);
    expect(await complete("run", "--temp")).toMatch(/^--temperature\b/m);
    expect(await complete("run", "--protocol", "c")).toMatch(/^chat\b[\s\S]*^completions\b/m);
    expect(await complete("run", "--profile", "m")).toMatch(/^moonshot\b/m);
    expect(await complete("run", "--output", "")).toMatch(/^stream-json\b/m);
  });

  test("in a real bash", async () => {
    const script = (await kimi(["completion", "bash"])).stdout;
    const folder = newFolder();
    writeFileSync(
      join(folder, "kimi"),
      `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`,
      { mode: 0o755 },
    );
    writeFileSync(join(folder, "completion.bash"), script);
    const ask = `PATH="${folder}:$PATH"; source "${folder}/completion.bash"; COMP_WORDS=(kimi ru); COMP_CWORD=1; COMP_LINE="kimi ru"; COMP_POINT=7; $(complete -p kimi | sed 's/.*-F \\([^ ]*\\).*/\\1/') kimi ru kimi; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(execFileSync("bash", ["-c", ask], { env: environment(), encoding: "utf8" })).toMatch(
      /^run/m,
    );
  });

  test("an unknown shell is refused", async () => {
    expect(await kimi(["completion", "tcsh"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("tcsh") as string,
    });
  });
});

test("what npm pack makes runs elsewhere with the bindings alone, the demonstration model inside", async () => {
  const folder = newFolder();
  const packed = execFileSync(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
    { cwd: root, encoding: "utf8" },
  );
  const [{ filename }] = Object.values(JSON.parse(packed) as object) as [{ filename: string }];
  execFileSync("tar", ["-xzf", join(folder, filename)], { cwd: folder });
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  execFileSync("ln", ["-s", join(root, "node_modules", "node-llama-cpp"), modules]);
  const inside = join(folder, "package");
  for (const name of [
    "LICENSE",
    "NOTICE",
    "README.md",
    "dist/third-party-licenses.txt",
    "models/kimi-nano/README.md",
  ]) {
    expect(existsSync(join(inside, name)), name).toBe(true);
  }
  const addon = `native/prebuilt/${process.platform}-${process.arch}.node`;
  expect(existsSync(join(inside, addon))).toBe(existsSync(join(root, addon)));
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, [join(inside, "bin", "kimi.js"), ...args], {
      env: environment(),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  expect(run("--version")).toBe(`${version}\n`);
  expect(run("run", "What is 12 * 34?", "--tools", "calculator")).toBe("12 * 34 = 408\n");
  expect(run("config", "list")).toContain("temperature");
});
