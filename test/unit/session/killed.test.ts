/** Processes that write a session are killed at random moments, many times the same session. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { textOf, userText, type Message } from "../../../src/message.ts";
import { Session } from "../../../src/session/session.ts";
import { problemsOf } from "../../support/conversation.ts";

const folder = mkdtempSync(join(tmpdir(), "kimi-killed-"));
const writer = fileURLToPath(new URL("../../support/session-writer.ts", import.meta.url));

/** Starts a writer, kills it once it has stored so many messages, and says how many it told of. */
function writeAndKill(
  path: string,
  { from, stored }: { from: number; stored: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [writer, path, String(from)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let told = "";
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      told += text;
      if (told.split("\n").length > stored) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("close", (_, signal) => {
      if (signal === "SIGKILL") resolve(told.split("\n").length - 1);
      else reject(new Error(complaint));
    });
  });
}

/** What each message of the writer is known by; those that were put in for the killed have none. */
function marksOf(messages: readonly Message[]): string[] {
  return messages.map((message) =>
    message.role === "assistant"
      ? "calls"
      : (/^\d+(?=:)/.exec(textOf(message))?.[0] ?? textOf(message)),
  );
}

async function killAgainAndAgain(name: string, kills: number): Promise<void> {
  const path = join(folder, `${name}.jsonl`);
  let known: readonly Message[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const stored = 1 + Math.floor(Math.random() * 40);
    const told = await writeAndKill(path, { from: kill * 1_000, stored });
    expect(told).toBeGreaterThanOrEqual(stored);
    const session = Session.resume(path, { id: "s", isKept: true });
    const { transcript, context } = session;
    expect(problemsOf(transcript)).toEqual([]);
    expect(context).toEqual(transcript);
    expect(transcript.slice(0, known.length)).toEqual(known);
    const added = transcript.slice(known.length);
    expect(added.length).toBeGreaterThanOrEqual(told);
    expect(marksOf(added.slice(0, told))).toEqual(marksOfWriter(kill * 1_000, told));
    session.add(userText(`after ${kill}`));
    known = session.transcript;
    session.close();
  }
  rmSync(path); // some are large
}

/** What the writer stores first, four messages a round. */
function marksOfWriter(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const place = index % 4;
    if (place === 1) return "calls";
    return String(from + index);
  });
}

test("a session whose program is killed at 200 random moments always resumes with nothing lost", async () => {
  const names = Array.from({ length: 40 }, (_, index) => `s${index}`);
  const killNext = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop())
      await killAgainAndAgain(name, 5);
  };
  await Promise.all([killNext(), killNext()]);
}, 120_000);
