import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Usage } from "../src/engine/engine.ts";
import { LlamaTextModel } from "../src/engine/local/llama-text-model.ts";
import { kimiDialect } from "../src/engine/kimi/kimi-dialect.ts";
import { exitCodes } from "../src/errors.ts";
import { userText, type Message } from "../src/message.ts";
import { Session } from "../src/session/session.ts";
import { environment, folder, inTurn, program, root, type Figure } from "./measure.ts";

const path = join(root, "models", "kimi-nano", "kimi-nano-q8_0.gguf");
const cacheFolder = mkdtempSync(join(tmpdir(), "kimi-bench-"));
const file = join(cacheFolder, "session.kv");
const signal = new AbortController().signal;

/** Of about 7,600 tokens, of the 8,192 that nano has. */
const long: readonly Message[] = [
  { role: "system", text: "You are the assistant of this bench." },
  userText("word and number 17, ".repeat(950)),
];
const followUp = userText("And what of the words? ".repeat(20));

interface Times {
  /** Milliseconds from the request to the first token, the model's load left out. */
  readonly firstToken: number;
}

/** A session of 8,000 tokens that is gone on with in another process: with its state on disk, and computed anew. */
export async function resume(): Promise<Figure[]> {
  const first = await turn(long, true);
  const messages = [...long, followUp];
  let resumed: Usage | undefined;
  const times = await inTurn(
    3,
    () => turn(messages, false),
    async () => {
      const done = await turn(messages, true);
      resumed ??= done.usage; // later ones find their own state, which has the whole prompt
      await turn(long, true); // the session as it was
      return { firstToken: done.firstToken };
    },
  );
  const state = statSync(file).size / 2 ** 20;
  const { inputTokens = 0, cachedTokens = 0 } = resumed ?? {};
  const fresh = inputTokens - first.usage.inputTokens;
  const evaluated = inputTokens - cachedTokens;
  const whole = await wholeRuns(messages);
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  return [
    {
      name: "resumed session: first token ÷ without cache",
      value: times.ratio.firstToken,
      unit: "×",
      goal: 0.1,
      detail: `${ms(times.ours.firstToken)} ÷ ${ms(times.base.firstToken)}, ${inputTokens} tokens, ${state.toFixed(1)} MiB`,
    },
    {
      name: "resumed session: evaluated ÷ new tokens",
      value: evaluated / fresh,
      unit: "×",
      goal: 1.05,
      detail: `${evaluated} ÷ ${fresh} tokens`,
    },
    {
      name: "resumed kimi run ÷ without cache",
      value: whole.ratio.wallMs,
      unit: "×",
      detail: `${ms(whole.ours.wallMs)} ÷ ${ms(whole.base.wallMs)}, one token of answer, start and load included`,
    },
  ];
}

interface Turn extends Times {
  readonly usage: Usage;
}

/** One request of a model that is loaded for it, and closed after it. Nothing stops the reply but its limit. */
async function turn(messages: readonly Message[], isCached: boolean): Promise<Turn> {
  const promptCache = { file: () => file, maxBytes: 2 ** 30, makeRoom: () => true };
  const model = new LlamaTextModel({ path, cacheFolder, ...(isCached ? { promptCache } : {}) });
  const { prompt } = kimiDialect.write({ messages, tools: [] });
  const sampling = { temperature: 0, maxTokens: 8 };
  let loadedAt = performance.now();
  let firstAt = 0;
  let usage: Usage | undefined;
  for await (const event of model.complete({ prompt, stop: [], sampling, signal })) {
    if (event.type === "progress" && event.phase === "load") loadedAt = performance.now();
    if (event.type === "text" || event.type === "control") firstAt ||= performance.now();
    if (event.type === "finish") usage = event.usage;
  }
  await model.close();
  if (!usage || firstAt === 0) throw new Error("no answer");
  return { usage, firstToken: firstAt - loadedAt };
}

/** The same by the program. */
async function wholeRuns(messages: readonly Message[]) {
  const sessions = join(folder, "kimi", "sessions");
  const session = join(sessions, "bench.jsonl");
  const info = { id: "bench", createdAt: "2026-11-25T12:00:00.000Z", folder, model: "kimi-nano" };
  const begin = (): void => {
    rmSync(session, { force: true });
    const started = Session.start(session, info);
    const [system, ...said] = messages.slice(0, -1);
    if (system?.role === "system") started.setSystem(system.text);
    for (const message of said) started.add(message);
    started.close();
  };
  let round = 0; // no run finds the very prompt of another
  const run = async (...flags: readonly string[]): Promise<{ wallMs: number }> => {
    begin();
    const prompt = ["run", `And now, ${++round}?`, "--session", "bench", "--max-tokens", "1"];
    const started = performance.now();
    const { status } = spawnSync(process.execPath, [program, ...prompt, ...flags], {
      env: environment,
      stdio: "ignore",
    });
    if (status !== exitCodes.done && status !== exitCodes.stopped)
      throw new Error(`kimi run exited with ${status}`);
    return { wallMs: performance.now() - started };
  };
  return inTurn(
    3,
    () => run("--prompt-cache", "0"),
    () => run(),
  );
}
