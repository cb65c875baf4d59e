/** Conversations that are kept: gone on with, listed, shown, exported, removed, locked, damaged, and killed while they are written. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Message } from "../../src/message.ts";
import { loadSession } from "../../src/session/session-state.ts";
import { problemsOf } from "../support/conversation.ts";
import { startEndpoint, type FakeEndpoint, type FakeReply } from "../support/fake-endpoint.ts";
import { jsonLines, kimi, newFolder, startKimi, type KimiOutcome } from "../support/kimi.ts";

interface Place {
  readonly endpoint: FakeEndpoint;
  /** Where the files are. */
  readonly folder: string;
  readonly path: (id: string) => string;
  readonly env: Readonly<Record<string, string>>;
  run(
    prompt: string,
    ...flags: readonly string[]
  ): Promise<KimiOutcome & { readonly session: string }>;
  kimi(...args: readonly string[]): Promise<KimiOutcome>;
}

/** A data folder of its own, and a server that says these things. */
async function newPlace(...replies: readonly FakeReply[]): Promise<Place> {
  const data = mkdtempSync(join(tmpdir(), "kimi-data-"));
  const endpoint = await startEndpoint(
    "chat",
    replies.length === 0 ? [{ content: "Hello." }] : replies,
  );
  const env = { XDG_DATA_HOME: data };
  const folder = join(data, "kimi", "sessions");
  return {
    endpoint,
    folder,
    path: (id) => join(folder, `${id}.jsonl`),
    env,
    kimi: (...args) => kimi(args, { env }),
    async run(prompt, ...flags) {
      const outcome = await kimi(
        ["run", prompt, "--base-url", endpoint.url, "--output", "json", ...flags],
        { env },
      );
      const { session = "" } = (outcome.stdout === "" ? {} : JSON.parse(outcome.stdout)) as {
        session?: string;
      };
      return { ...outcome, session };
    },
  };
}

/** What the server was last sent. */
function lastAsked({ endpoint }: Place): unknown[] {
  return endpoint.requests.at(-1)?.body.messages.map(({ role, content }) => [role, content]) ?? [];
}

const first = [
  ["user", "one"],
  ["assistant", "Hello."],
];

describe("a conversation is gone on with", () => {
  test("by --continue, the last of this folder, else of all, from any folder", async () => {
    const place = await newPlace();
    const { session } = await place.run("one");
    expect(session).toMatch(/^\d{8}-\d{6}-[\da-f]{6}$/);
    await place.run("two", "--continue");
    expect(lastAsked(place)).toEqual([...first, ["user", "two"]]);
    const elsewhere = newFolder();
    const { endpoint, env } = place;
    const run = (...args: string[]) =>
      kimi(["run", ...args, "--base-url", endpoint.url], { env, cwd: elsewhere });
    await run("three", "--continue");
    expect(lastAsked(place).slice(-1)).toEqual([["user", "three"]]);
    expect(lastAsked(place)).toHaveLength(5);
    await run("here");
    await place.run("four", "--continue");
    expect(lastAsked(place)).toHaveLength(7); // the one of this folder, though another was the last
    await run("five", "--continue");
    expect(lastAsked(place)).toEqual([
      ["user", "here"],
      ["assistant", "Hello."],
      ["user", "five"],
    ]);
  });

  test("by --resume with the start or the end of its id, or none", async () => {
    const place = await newPlace();
    const { session } = await place.run("one");
    await place.run("two", "--resume", session.slice(0, 15));
    await place.run("three", `--resume=${session.slice(-6)}`);
    expect((await place.run("four", "--resume")).session).toBe(session);
    expect(lastAsked(place)).toHaveLength(7);
    expect(readdirSync(place.folder)).toEqual([`${session}.jsonl`]);
  });

  test("by --session with a name, new or not", async () => {
    const place = await newPlace();
    expect((await place.run("one", "--session", "work")).session).toBe("work");
    expect((await place.run("two", "--session", "work", "--system", "Be brief.")).session).toBe(
      "work",
    );
    expect(lastAsked(place)).toEqual([["system", "Be brief."], ...first, ["user", "two"]]);
    await place.run("three", "--session", "work");
    expect(lastAsked(place)[0]).toEqual(["system", "Be brief."]);
  });

  test("with its calls and their answers", async () => {
    const place = await newPlace(
      { calls: [{ name: "calculate", arguments: '{"expression": "6*7"}' }] },
      { content: "42." },
      { content: "Yes." },
    );
    await place.run("one", "--tools", "calculator");
    await place.run("sure?", "--continue");
    const messages = place.endpoint.requests.at(-1)?.body.messages ?? [];
    expect(messages.map(({ role }) => role)).toEqual([
      "user",
      "assistant",
      "tool",
      "assistant",
      "user",
    ]);
    expect(messages[1]?.["tool_calls"]).toMatchObject([{ id: messages[2]?.["tool_call_id"] }]);
  });
});

test("files are for the user alone", async () => {
  const place = await newPlace();
  const { session } = await place.run("one");
  expect(statSync(place.folder).mode & 0o777).toBe(0o700);
  expect(statSync(place.path(session)).mode & 0o777).toBe(0o600);
  expect(readdirSync(place.folder)).toEqual([`${session}.jsonl`]);
});

test("--no-session keeps nothing, not even of a conversation it goes on with", async () => {
  const place = await newPlace();
  await place.run("secret", "--no-session");
  expect(existsSync(place.folder)).toBe(false);
  const { session } = await place.run("one");
  const before = readFileSync(place.path(session));
  await place.run("secret", "--no-session", "--continue");
  expect(lastAsked(place)).toEqual([...first, ["user", "secret"]]);
  expect(readFileSync(place.path(session))).toEqual(before);
});

test("a run that fails before anything is said leaves no file", async () => {
  const place = await newPlace();
  expect((await place.run("q", "--tools", "wether")).code).toBe(2);
  expect(
    (await place.run("q", "--session", "work", "--model", "none.gguf", "--base-url", "")).code,
  ).toBe(2);
  expect(existsSync(place.folder)).toBe(false);
});

describe("a wrong choice exits 2 with a hint", () => {
  test.each([
    [["--continue"], /there is no session to go on with\nhint: ./],
    [["--resume", "nothing"], /there is no session nothing\nhint: kimi sessions/],
    [["--resume", "../work"], /there is no session \.\.\/work\nhint: ./],
    [["--session", "../work"], /"\.\.\/work" can't be the name of a session\nhint: ./],
    [["--session", ""], /"" can't be the name of a session\nhint: ./],
    [["--session", "work", "--continue"], /each choose a session\nhint: Give one/],
  ])("%j", async (flags, complaint) => {
    const place = await newPlace();
    const { code, stderr } = await place.run("q", ...flags);
    expect(code).toBe(2);
    expect(stderr).toMatch(complaint);
    expect(place.endpoint.requests.filter(({ path }) => path.endsWith("completions"))).toEqual([]);
  });

  test("an id that means several", async () => {
    const place = await newPlace();
    for (const name of ["work-1", "work-2"]) await place.run("one", "--session", name);
    const { code, stderr } = await place.run("q", "--resume", "work");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/2 sessions begin with work: .*\nhint: Give more of its id/),
    ]);
  });
});

describe("kimi sessions", () => {
  test("lists them, the last first, and says when there are none", async () => {
    const place = await newPlace();
    expect(await place.kimi("sessions")).toEqual({
      stdout: "no sessions yet\n",
      stderr: "",
      code: 0,
    });
    expect(JSON.parse((await place.kimi("sessions", "list", "--json")).stdout)).toEqual([]);
    await place.run("What is \u001b[31mred\n?", "--session", "a");
    await place.run("Second.", "--session", "long-name");
    const { stdout } = await place.kimi("sessions");
    const when = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d`;
    expect(stdout).toMatch(
      new RegExp(`^long-name  ${when}  Second\\.\\na          ${when}  What is red \\?\\n$`),
    );
    const list = JSON.parse((await place.kimi("sessions", "list", "--json")).stdout) as object[];
    expect(list).toMatchObject([
      { id: "long-name", title: "Second.", path: place.path("long-name") },
      { id: "a", createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string },
    ]);
  });

  test("shows and exports them as Markdown, JSON and HTML, to a file too", async () => {
    const place = await newPlace({ content: "<b>Hello</b>" });
    await place.run("<script>", "--session", "a");
    const shown = await place.kimi("sessions", "show", "a");
    expect(shown.stdout).toMatch(
      /^# Session a\n[\s\S]*## User\n\n<script>\n\n## Assistant\n\n<b>Hello<\/b>\n$/,
    );
    expect((await place.kimi("sessions", "export", "a")).stdout).toBe(shown.stdout);
    const json = await place.kimi("sessions", "export", "a", "--format", "json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      version: 1,
      id: "a",
      messages: [{ role: "user" }, { role: "assistant" }],
    });
    const html = await place.kimi("sessions", "export", "a", "--format", "html");
    expect(html.stdout).toContain("&lt;script&gt;");
    expect(html.stdout).not.toContain("<script>");
    const file = join(newFolder(), "a.html");
    expect(await place.kimi("sessions", "export", "a", "-o", file)).toEqual({
      stdout: "",
      stderr: "",
      code: 0,
    });
    expect(readFileSync(file, "utf8")).toBe(html.stdout);
  });

  test("removes all that are given, or none", async () => {
    const place = await newPlace();
    for (const name of ["a", "b", "c"]) await place.run("one", "--session", name);
    const wrong = await place.kimi("sessions", "rm", "a", "nothing");
    expect([wrong.code, wrong.stdout]).toEqual([2, ""]);
    expect(readdirSync(place.folder)).toHaveLength(3);
    expect((await place.kimi("sessions", "rm", "a", "b", "a")).stdout).toBe(
      "removed a\nremoved b\n",
    );
    expect(readdirSync(place.folder)).toEqual(["c.jsonl"]);
  });

  test.each([["show"], ["export"], ["rm"]])(
    "%s says which one is not there, and exits 2",
    async (command) => {
      const place = await newPlace();
      const { code, stderr, stdout } = await place.kimi("sessions", command, "nothing");
      expect([code, stderr, stdout]).toEqual([
        2,
        expect.stringMatching(/^kimi: there is no session nothing\nhint: ./),
        "",
      ]);
    },
  );
});

test("a damaged file is said to be mended, and works", async () => {
  const place = await newPlace(
    { calls: [{ name: "calculate", arguments: '{"expression": "6*7"}' }] },
    { content: "Hello." },
  );
  await place.run("one", "--session", "a", "--tools", "calculator");
  const path = place.path("a");
  truncateSync(path, readFileSync(path, "utf8").indexOf('"role":"tool"') + 40);
  const { code, stderr } = await place.run("two", "--session", "a");
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^session a: left out line \d+, which can't be read\nsession a: answered 1 call "interrupted"\n/,
  );
  expect(place.endpoint.requests.at(-1)?.body.messages.map(({ role }) => role)).toEqual([
    "user",
    "assistant",
    "tool",
    "user",
  ]);
  appendFileSync(path, "garbage\n");
  expect((await place.kimi("sessions", "show", "a")).stdout).toContain("two");
});

test("a session that is open is refused with the process that has it, until that has ended", async () => {
  const place = await newPlace({ content: "one two three four", hangs: true });
  const running = startKimi(["run", "q", "--session", "a", "--base-url", place.endpoint.url], {
    env: place.env,
  });
  await expect.poll(() => existsSync(place.path("a"))).toBe(true);
  for (const args of [
    ["run", "q", "--session", "a", "--base-url", place.endpoint.url],
    ["sessions", "rm", "a"],
  ]) {
    const { code, stderr } = await place.kimi(...args);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `session a is open in another kimi (process ${running.process.pid} on ${hostname()})\nhint: `,
    );
  }
  running.process.kill("SIGKILL");
  await running.ended;
  expect((await place.kimi("sessions", "rm", "a")).code).toBe(0);
});

/** All messages that a run has told of, in whole lines. */
function toldIn(stdout: string): Message[] {
  const lines = jsonLines(stdout.slice(0, stdout.lastIndexOf("\n") + 1));
  return lines.flatMap((line) => (line.type === "message" ? [line["message"] as Message] : []));
}

test("a run that is killed at 24 random moments while it calls tools resumes with nothing lost", async () => {
  let count = 0;
  const endless: FakeReply = {
    get calls() {
      return [1, 2].map(() => ({
        name: "calculate",
        arguments: `{"expression": "${count++} + 1"}`,
      }));
    },
  };
  const place = await newPlace(endless);
  const killed = async (name: string): Promise<void> => {
    let known: readonly Message[] = [];
    for (let kill = 0; kill < 8; kill++) {
      const args = [
        "run",
        `go ${kill}`,
        "--session",
        name,
        "--base-url",
        place.endpoint.url,
        "--tools",
        "calculator",
        "--output",
        "stream-json",
      ];
      const running = startKimi(args, { env: place.env });
      const bytes = 500 + Math.floor(Math.random() * 30_000);
      let seen = 0;
      running.process.stdout?.on("data", (text: string) => {
        seen += text.length;
        if (seen > bytes) running.process.kill("SIGKILL");
      });
      const { stdout, code, stderr } = await running.ended;
      expect(stderr).not.toContain("kimi:");
      expect(code).toBeNull(); // killed, and not before
      const { transcript } = loadSession(place.path(name));
      expect(problemsOf(transcript)).toEqual([]);
      expect(transcript.slice(0, known.length)).toEqual(known);
      const added = transcript.slice(known.length);
      expect(added[0]).toMatchObject({ role: "user", content: [{ text: `go ${kill}` }] });
      const told = toldIn(stdout);
      expect(added.slice(1, 1 + told.length)).toEqual(told);
      known = transcript;
    }
  };
  await Promise.all(["a", "b", "c"].map(killed));
  const { url } = await startEndpoint("chat", [{ content: "Fine." }]);
  for (const name of ["a", "b", "c"]) {
    const { stdout, code } = await place.kimi("run", "and?", "--session", name, "--base-url", url);
    expect([stdout, code]).toEqual(["Fine.\n", 0]);
  }
}, 120_000);
