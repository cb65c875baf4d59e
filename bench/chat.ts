import { fork } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { writeLongSession } from "./long-session.ts";
import { folder, inTurn, median, program, quartile, root, type Figure } from "./measure.ts";
import { Pty } from "./pty.ts";

const prompt = "❯";
/** What the endpoint ends with, and the characters it sends for 5,000 tokens. */
const lastToken = "theend";
const answerBytes = 4_999 * 5 + Math.floor(4_999 / 60) + lastToken.length;

/** Letters that nothing else on the screen has. */
const keys = Array.from({ length: 64 }, (_, index) => String.fromCodePoint(0x410 + index));

/** The terminal program against a minimal one on Ink, both in a pty, with an endpoint on loopback. */
export async function chat(): Promise<Figure[]> {
  if (process.platform !== "linux") {
    console.error("chat: left out, it reads CPU time and memory from /proc, which only Linux has");
    return [];
  }
  const server = fork(join(root, "bench", "endpoint.mjs"));
  const port = await new Promise<number>((resolve) =>
    server.once("message", (message) => resolve(message as number)),
  );
  const url = `http://127.0.0.1:${port}`;
  const minimal = [join(root, "bench", "minimal-ink.mjs"), url];
  const kimi = [program, "chat", "--base-url", url, "--model", "bench"];
  try {
    return [
      ...(await starting(minimal, kimi)),
      ...(await burst(minimal, kimi)),
      ...(await paced(minimal, kimi)),
      ...(await typing(minimal, kimi)),
      ...(await resuming(kimi)),
    ];
  } finally {
    server.kill();
  }
}

async function starting(minimal: readonly string[], kimi: readonly string[]): Promise<Figure[]> {
  const { base, ours, ratio } = await inTurn(
    11,
    () => startOnce(minimal),
    () => startOnce(kimi),
  );
  const idle = await inTurn(
    3,
    () => idleOnce(minimal),
    () => idleOnce(kimi),
  );
  return [
    {
      name: "chat: prompt shown ÷ minimal Ink",
      value: ratio.ms,
      unit: "×",
      goal: 0.7,
      detail: `${ours.ms.toFixed(0)} ms ÷ ${base.ms.toFixed(0)} ms`,
    },
    {
      name: "chat: RSS when idle",
      value: idle.ours.rssMiB,
      unit: "MiB",
      goal: 90,
      detail: `minimal Ink ${idle.base.rssMiB.toFixed(0)} MiB`,
    },
  ];
}

async function burst(minimal: readonly string[], kimi: readonly string[]): Promise<Figure[]> {
  const { base, ours, ratio } = await inTurn(
    7,
    () => answerOnce(minimal, "5000"),
    () => answerOnce(kimi, "5000"),
  );
  return [
    {
      name: "chat: burst of 5,000 tokens ÷ minimal Ink",
      value: ratio.cpuMs,
      unit: "×",
      goal: 1.5,
      detail: `CPU ${ours.cpuMs.toFixed(0)} ms ÷ ${base.cpuMs.toFixed(0)} ms; RSS after ${ours.rssMiB.toFixed(0)}, ${base.rssMiB.toFixed(0)} MiB`,
    },
    {
      name: "chat: burst, bytes written ÷ answer",
      value: ours.bytes / answerBytes,
      unit: "×",
      goal: 1.6,
      detail: `${kilobytes(ours.bytes)}; minimal Ink ${kilobytes(base.bytes)}`,
    },
  ];
}

async function paced(minimal: readonly string[], kimi: readonly string[]): Promise<Figure[]> {
  const runs = [
    await answerOnce(kimi, "5000 at 500"),
    await answerOnce(kimi, "5000 at 500"),
    await answerOnce(kimi, "5000 at 500"),
  ];
  const base = await answerOnce(minimal, "5000 at 500");
  return [
    {
      name: "chat: 5,000 tokens at 500/s, CPU",
      value: quartile(runs.map(({ cpuMs }) => cpuMs)) / 1000,
      unit: "s",
      goal: 1,
      detail: `minimal Ink ${(base.cpuMs / 1000).toFixed(2)} s`,
    },
    {
      name: "chat: 5,000 tokens at 500/s, bytes written",
      value: median(runs.map(({ bytes }) => bytes)) / 1000,
      unit: "kB",
      goal: 250,
      detail: `minimal Ink ${kilobytes(base.bytes)}`,
    },
  ];
}

async function typing(minimal: readonly string[], kimi: readonly string[]): Promise<Figure[]> {
  const base = await echoTimes(minimal);
  const ours = [...(await echoTimes(kimi)), ...(await echoTimes(kimi))];
  return [
    {
      name: "chat: key echo while 500 tokens/s stream",
      value: median(ours),
      unit: "ms",
      goal: 16,
      detail: `p95 ${p95(ours).toFixed(1)} ms; minimal Ink ${median(base).toFixed(1)}, p95 ${p95(base).toFixed(1)} ms`,
    },
  ];
}

async function resuming(kimi: readonly string[]): Promise<Figure[]> {
  const id = "long";
  writeLongSession(folder, { id, messages: 10_000 });
  const args = [...kimi, "--resume", id];
  const starts: { readonly ms: number; readonly lastMs: number }[] = [];
  for (let i = 0; i < 9; i++) starts.push(await startOnce(args, "count9999"));
  const { rssMiB } = await idleOnce(args);
  const last = quartile(starts.map(({ lastMs }) => lastMs));
  return [
    {
      name: "chat: prompt shown, 10,000 messages resumed",
      value: quartile(starts.map(({ ms }) => ms)),
      unit: "ms",
      goal: 300,
      detail: `the last message after ${last.toFixed(0)} ms`,
    },
    { name: "chat: RSS, 10,000 messages resumed", value: rssMiB, unit: "MiB", goal: 150 },
  ];
}

/** Milliseconds to the prompt, and to a text that is shown with it or later. */
async function startOnce(
  args: readonly string[],
  last = prompt,
): Promise<{ readonly ms: number; readonly lastMs: number }> {
  const pty = new Pty(args);
  const [at, lastAt] = await Promise.all([pty.shown(prompt), pty.shown(last)]);
  await pty.end();
  return { ms: at - pty.startedAt, lastMs: lastAt - pty.startedAt };
}

/** A program that has nothing to do, with a text in its composer. */
async function ready(args: readonly string[], text = ""): Promise<Pty> {
  const pty = new Pty(args);
  await pty.shown(prompt);
  await pty.idle();
  pty.type(text);
  await pty.idle();
  return pty;
}

async function idleOnce(args: readonly string[]): Promise<{ readonly rssMiB: number }> {
  const pty = await ready(args);
  const rssMiB = pty.rssMiB();
  await pty.end();
  return { rssMiB };
}

interface Answer {
  readonly cpuMs: number;
  readonly bytes: number;
  readonly rssMiB: number;
}

/** From Enter until all is shown and done. */
async function answerOnce(args: readonly string[], text: string): Promise<Answer> {
  const pty = await ready(args, text);
  const before = { cpuMs: pty.cpuMs(), bytes: pty.bytes };
  const ended = pty.shown(lastToken);
  pty.type("\r");
  await ended;
  await pty.idle();
  const answer = {
    cpuMs: pty.cpuMs() - before.cpuMs,
    bytes: pty.bytes - before.bytes,
    rssMiB: pty.rssMiB(),
  };
  await pty.end();
  return answer;
}

/** Milliseconds until a letter is shown, while an answer streams. */
async function echoTimes(args: readonly string[]): Promise<number[]> {
  const pty = await ready(args, "5000 at 500");
  const streams = pty.shown("tok9");
  pty.type("\r");
  await streams;
  const times: number[] = [];
  for (const [index, key] of keys.entries()) {
    const shown = pty.shown(key);
    const typed = performance.now();
    pty.type(key);
    times.push((await shown) - typed);
    await delay(50 + ((index * 37) % 50)); // not in step with frames
  }
  await pty.end();
  return times;
}

const p95 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Number.NaN;

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(0)} kB`;
