/** What `kimi run` allows a tool to do, and how it says no. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startEndpoint, type FakeEndpoint } from "../support/fake-endpoint.ts";
import { kimi, newFolder, type KimiOutcome } from "../support/kimi.ts";

interface Run {
  readonly effect?: "write" | "execute" | "read";
  readonly flags?: readonly string[];
  /** What the tool is asked to do. */
  readonly subject?: string;
  /** The user's settings. */
  readonly config?: object;
  readonly env?: Readonly<Record<string, string>>;
}

interface Ran extends KimiOutcome {
  readonly result: Readonly<Record<string, unknown>>;
  readonly endpoint: FakeEndpoint;
  readonly hasRun: boolean;
}

/** A tool that leaves a file, called once; the model then says that it is done. */
async function runTool({
  effect = "execute",
  flags = [],
  subject = "git status",
  config,
  env = {},
}: Run): Promise<Ran> {
  const folder = newFolder();
  writeFileSync(
    join(folder, "touch.mjs"),
    `import { writeFileSync } from "node:fs";
export default {
  name: "touch", description: "d", effect: "${effect}",
  parameters: { type: "object", properties: { subject: { type: "string" } } },
  prepare: ({ subject }) => ({
    summary: "touch " + subject,
    subject,
    start: async () => { writeFileSync("touched", subject); return { output: "touched" }; },
  }),
};`,
  );
  if (config) {
    mkdirSync(join(folder, "config", "kimi"), { recursive: true });
    writeFileSync(join(folder, "config", "kimi", "config.json"), JSON.stringify(config));
  }
  const endpoint = await startEndpoint("chat", [
    { calls: [{ name: "touch", arguments: JSON.stringify({ subject }) }] },
    { content: "It is done, or not." },
  ]);
  const args = [
    "run",
    "q",
    "--base-url",
    endpoint.url,
    "--tools",
    "./touch.mjs",
    "--output",
    "json",
    ...flags,
  ];
  const outcome = await kimi(args, {
    cwd: folder,
    env: { ...(config ? { XDG_CONFIG_HOME: join(folder, "config") } : {}), ...env },
  });
  const result = outcome.stdout === "" ? {} : (JSON.parse(outcome.stdout) as Ran["result"]);
  return { ...outcome, result, endpoint, hasRun: existsSync(join(folder, "touched")) };
}

const toolAnswer = ({ endpoint }: Ran): unknown =>
  endpoint.requests.at(-1)?.body.messages.at(-1)?.["content"];

test.each(["write", "execute"] as const)(
  "a tool that may %s is denied, the model reads why, and the run exits 4",
  async (effect) => {
    const ran = await runTool({ effect });
    expect([ran.hasRun, ran.code]).toEqual([false, 4]);
    expect(ran.result).toMatchObject({
      status: "denied",
      exitCode: 4,
      answer: "It is done, or not.",
    });
    expect(toolAnswer(ran)).toBe(
      `{"error": "denied: this run does not allow tools that ${effect}; --allow or --yes would"}`,
    );
    expect(ran.stderr).toMatch(
      /^→ touch git status\n← touch git status: denied .*\nstopped: a call was denied, .*--allow or --yes/,
    );
  },
);

test("a tool that only reads needs nobody's word", async () => {
  expect(await runTool({ effect: "read" })).toMatchObject({
    hasRun: true,
    code: 0,
    result: { status: "done" },
  });
});

test.each([
  [["--yes"]],
  [["--allow", "write,execute"]],
  [["--allow", "touch"]],
  [["--allow", "touch(git status *)"]],
  [["--allow", "touch(git *),write"]],
])("with %j it runs", async (flags) => {
  expect(await runTool({ flags })).toMatchObject({
    hasRun: true,
    code: 0,
    result: { status: "done" },
  });
});

test.each([
  [["--allow", "write"], "git status"],
  [["--allow", "touch(ls *)"], "git status"],
  [["--allow", "touch(git status *)"], "git status; rm -rf /"],
  [["--yes", "--deny", "touch(rm *)"], "cd / && rm -rf $HOME"],
  [["--allow", "touch", "--ask", "touch(git push *)"], "git push"],
])("with %j the call %j is denied", async (flags, subject) => {
  expect(await runTool({ flags, subject })).toMatchObject({
    hasRun: false,
    code: 4,
    result: { status: "denied" },
  });
});

test("rules of the configuration and of the environment count, and flags go before them", async () => {
  const config = { allow: ["touch(git status *)", "write"] };
  expect(await runTool({ config })).toMatchObject({ hasRun: true, code: 0 });
  expect(await runTool({ config, flags: ["--allow", ""] })).toMatchObject({
    hasRun: false,
    code: 4,
  });
  expect(await runTool({ env: { KIMI_ALLOW: "execute" } })).toMatchObject({
    hasRun: true,
    code: 0,
  });
});

test("a rule that denies a whole tool hides it from the model", async () => {
  for (const rule of ["touch", "execute"]) {
    const { endpoint, hasRun } = await runTool({ config: { deny: [rule] }, flags: ["--yes"] });
    const request = endpoint.requests.find(({ path }) => path.endsWith("/chat/completions"));
    expect(request?.body).not.toHaveProperty("tools");
    expect(JSON.stringify(request?.body)).not.toContain("touch");
    expect(hasRun).toBe(false);
  }
});

test("a project's file can't allow anything", async () => {
  const folder = newFolder();
  mkdirSync(join(folder, ".kimi"));
  writeFileSync(join(folder, ".kimi", "config.json"), '{"allow": ["execute"]}');
  writeFileSync(
    join(folder, "t.mjs"),
    'export default { name: "t", description: "d", effect: "execute", parameters: { type: "object" }, prepare: () => ({ summary: "t", start: async () => ({ output: "ran" }) }) };',
  );
  const { url } = await startEndpoint("chat", [
    { calls: [{ name: "t", arguments: "{}" }] },
    { content: "ok" },
  ]);
  const { code, stderr } = await kimi(["run", "q", "--base-url", url, "--tools", "./t.mjs"], {
    cwd: folder,
  });
  expect(code).toBe(4);
  expect(stderr).toContain("ignored allow in");
});

test.each([
  [
    "a flag",
    { flags: ["--allow", "touch(git"] },
    2,
    /^kimi: --allow: "touch\(git" is no list of rules.*\nhint: /,
  ],
  [
    "the environment",
    { env: { KIMI_DENY: "a b" } },
    3,
    /^kimi: KIMI_DENY: "a b" is no list of rules.*\nhint: /,
  ],
  [
    "a file",
    { config: { ask: ["touch(a)b"] } },
    3,
    /^kimi: .*config\.json, ask: "touch\(a\)b" is no list of rules.*\nhint: /,
  ],
])("a bad rule in %s is said before anybody is asked", async (_, run, code, complaint) => {
  const ran = await runTool(run);
  expect(ran.code).toBe(code);
  expect(ran.stderr).toMatch(complaint);
  expect(ran.endpoint.requests).toEqual([]);
});
