/** What the local engine has computed of a session, from one run of the program to the next. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Usage } from "../../src/engine/engine.ts";
import { jsonLines, kimi } from "../support/kimi.ts";

interface Outcome {
  readonly code: number | null;
  readonly stderr: string;
  readonly text: string;
  readonly usage: Usage;
}

interface Place {
  readonly folder: string;
  /** Runs the embedded model in a session of this name. */
  run(session: string, prompt: string, ...flags: readonly string[]): Promise<Outcome>;
  kimi(...args: readonly string[]): ReturnType<typeof kimi>;
}

function newPlace(): Place {
  const data = mkdtempSync(join(tmpdir(), "kimi-data-"));
  const env = { XDG_DATA_HOME: data };
  const run = (...args: readonly string[]) => kimi(args, { env });
  return {
    folder: join(data, "kimi", "sessions"),
    kimi: run,
    async run(session, prompt, ...flags) {
      const chosen = session === "" ? [] : ["--session", session];
      const outcome = await run("run", prompt, ...chosen, "--output", "json", ...flags);
      const { text, usage } = JSON.parse(outcome.stdout) as { text: string; usage: Usage };
      return { code: outcome.code, stderr: outcome.stderr, text, usage };
    },
  };
}

const tools = ["--tools", "weather", "--allow", "network"];
const weather = "What's the weather like in Beijing today? Use the tool to check.";

/** Answers in time, whatever the machine does beside. */
const timeout = 120_000;

describe("a session of the embedded model", { timeout }, () => {
  test("costs only its new tokens in the next run, which says the same as without a state", async () => {
    const place = newPlace();
    const first = await place.run("work", weather, ...tools);
    expect(first.code).toBe(0);
    expect(statSync(join(place.folder, "work.kv")).mode & 0o777).toBe(0o600);
    const second = await place.run("", "Thank you.", "--continue", ...tools);
    const { inputTokens, cachedTokens = 0 } = second.usage;
    expect(inputTokens - cachedTokens).toBeLessThan(40);
    expect(cachedTokens).toBeGreaterThan(200);
    const bare = newPlace();
    await bare.run("work", weather, ...tools, "--prompt-cache", "0");
    expect(readdirSync(bare.folder)).toEqual(["work.jsonl"]);
    const without = await bare.run("work", "Thank you.", ...tools, "--prompt-cache", "0");
    expect(without.usage.cachedTokens).toBe(0);
    expect(second.text).toBe(without.text);
  });

  test("loses its state with itself, and a list does not show states", async () => {
    const place = newPlace();
    await place.run("work", weather, ...tools);
    await place.run("rest", weather, ...tools);
    expect((await place.kimi("sessions", "list")).stdout.match(/^(work|rest) /gm)).toHaveLength(2);
    expect((await place.kimi("sessions", "rm", "work")).code).toBe(0);
    expect(readdirSync(place.folder).toSorted()).toEqual(["rest.jsonl", "rest.kv"]);
  });

  test("answers with a state that was cut, and keeps a whole one again", async () => {
    const place = newPlace();
    await place.run("work", weather, ...tools);
    const state = join(place.folder, "work.kv");
    const { size } = statSync(state);
    truncateSync(state, size >> 1);
    const { code, usage } = await place.run("work", "Thank you.", ...tools);
    expect([code, usage.cachedTokens]).toEqual([0, 0]);
    expect(statSync(state).size).toBeGreaterThan(size);
  });

  test("has no state if it is not kept", async () => {
    const place = newPlace();
    await place.run("", weather, ...tools, "--no-session");
    expect(existsSync(place.folder)).toBe(false);
  });

  test("is kept and found by the conversation in lines, too", async () => {
    const place = newPlace();
    const chat = () => place.kimi("chat", "Who are you?", "--plain", "--session", "work");
    expect((await chat()).code).toBe(0);
    expect((await chat()).code).toBe(0);
    const records = jsonLines(readFileSync(join(place.folder, "work.jsonl"), "utf8"));
    const [before, after] = records
      .filter(({ type }) => type === "usage")
      .map((record) => record["usage"] as Usage);
    expect(before?.cachedTokens).toBe(0);
    const known = (before?.inputTokens ?? 0) + (before?.outputTokens ?? 0);
    expect(after?.cachedTokens).toBeGreaterThanOrEqual(known - 1);
  });
});
