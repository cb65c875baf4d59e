import { randomUUID } from "node:crypto";
import { runAgent } from "../agent/agent.ts";
import { approveAll } from "../agent/approval.ts";
import type { EndReason } from "../agent/events.ts";
import type { Config } from "../config/resolve.ts";
import type { Settings } from "../config/settings.ts";
import type { Engine, Sampling } from "../engine/engine.ts";
import { openEngine } from "../engine/open-engine.ts";
import { exitCodes, KimiError, messageOf } from "../errors.ts";
import { userText, type Message } from "../message.ts";
import { Activity } from "../render/activity.ts";
import { jsonRenderer } from "../render/json.ts";
import {
  outputVersion,
  type Renderer,
  type RunResult,
  type RunStatus,
} from "../render/renderer.ts";
import { RunSummary } from "../render/run-summary.ts";
import { streamJsonRenderer } from "../render/stream-json.ts";
import { textRenderer } from "../render/text.ts";
import { Interruption, Interruptions } from "./interruption.ts";
import { openTools } from "./open-tools.ts";
import { fileOutput, standardOutput, type ClosableOutput } from "./output.ts";
import { reportError } from "./report-error.ts";
import { engineConfig, ignoredNotice, readConfig } from "./setup.ts";
import { readPrompt } from "./stdin.ts";

export interface RunOptions {
  readonly prompt: string | undefined;
  readonly flags: Partial<Settings>;
  readonly output: "text" | "json" | "stream-json";
  readonly outputFile: string | undefined;
  readonly readStdin: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
}

/** `kimi run`: one task, from the prompt to the exit code. */
export async function run(options: RunOptions): Promise<number> {
  const interruptions = new Interruptions();
  const isTerminal = process.stderr.isTTY;
  const activity = new Activity({ write: (text) => void process.stderr.write(text), isTerminal });
  const output =
    options.outputFile === undefined ? standardOutput() : fileOutput(options.outputFile);
  const task: Task = {
    options,
    interruptions,
    activity,
    summary: new RunSummary(performance.now()),
    session: randomUUID(),
  };
  const ending = await attempt(task, output);
  activity.end();
  ending.renderer.end(ending.result);
  const { status } = ending.result;
  // JSON tells of a failure; an answer that is none is not written over one.
  output.close({
    failed: options.output === "text" && (status === "error" || status === "interrupted"),
  });
  interruptions.stop();
  return ending.result.exitCode;
}

interface Task {
  readonly options: RunOptions;
  readonly interruptions: Interruptions;
  readonly activity: Activity;
  readonly summary: RunSummary;
  readonly session: string;
}

interface Ending {
  readonly renderer: Renderer;
  readonly result: RunResult;
}

async function attempt(task: Task, output: ClosableOutput): Promise<Ending> {
  const { options, interruptions, activity, summary } = task;
  let renderer = rendererFor(options, output, { hasTools: false });
  let model = "";
  let engine: Engine | undefined;
  try {
    const config = readConfig(options.flags);
    const { values } = config;
    if (values.timeout !== undefined) interruptions.limit(values.timeout);
    const ignored = ignoredNotice(config);
    if (ignored !== undefined) activity.line(ignored);
    const prompt = await readPrompt({
      argument: options.prompt,
      readStdin: options.readStdin,
      notice: (line) => activity.line(line),
      signal: interruptions.signal,
    });
    const tools = await openTools(values.tools ?? []);
    renderer = rendererFor(options, output, { hasTools: tools.length > 0 });
    engine = await openEngine(engineConfig(config, traceFor(options)), interruptions.signal);
    model = engine.name;
    if (options.verbose) activity.line(`model ${model}, ${describe(config)}`);
    renderer.start({ session: task.session, model, tools: tools.map(({ name }) => name) });
    const system: Message[] = values.system ? [{ role: "system", text: values.system }] : [];
    let reason: EndReason = "done";
    for await (const event of runAgent({
      engine,
      messages: [...system, userText(prompt)],
      tools,
      sampling: samplingOf(values),
      maxTurns: values["max-turns"] ?? 50,
      approve: approveAll,
      signal: interruptions.signal,
    })) {
      summary.add(event);
      activity.event(event);
      renderer.event(event);
      if (event.type === "end") reason = event.reason;
    }
    interruptions.stop();
    return { renderer, result: conclude(task, model, reason) };
  } catch (thrown) {
    return { renderer, result: fail(task, model, thrown) };
  } finally {
    await engine?.close();
  }
}

function rendererFor(
  { output, outputFile }: RunOptions,
  to: ClosableOutput,
  { hasTools }: { hasTools: boolean },
): Renderer {
  switch (output) {
    case "json":
      return jsonRenderer(to);
    case "stream-json":
      return streamJsonRenderer(to);
    case "text": {
      const isTerminal = outputFile === undefined && process.stdout.isTTY;
      return textRenderer({ output: to, isTerminal, live: isTerminal || !hasTools });
    }
    default:
      return output satisfies never;
  }
}

function traceFor({ debug }: RunOptions): ((line: string) => void) | undefined {
  return debug ? (line) => void process.stderr.write(`debug: ${line}\n`) : undefined;
}

function describe({ values, origins }: Config): string {
  const server = values["base-url"];
  return server
    ? `${values.protocol} at ${server} (${origins.get("base-url")})`
    : `local (${origins.get("model")})`;
}

function samplingOf(values: Partial<Settings>): Sampling {
  const sampling = {
    temperature: values.temperature,
    topP: values["top-p"],
    topK: values["top-k"],
    minP: values["min-p"],
    seed: values.seed,
    maxTokens: values["max-tokens"],
  };
  return Object.fromEntries(
    Object.entries(sampling).filter(([, value]) => value !== undefined),
  ) as Sampling;
}

const stopped: Readonly<
  Record<Exclude<RunStatus, "done" | "error" | "interrupted" | "timeout">, string>
> = {
  length: "the reply reached its token limit; --max-tokens sets it",
  filtered: "the server's content filter ended the reply",
  "turn-limit": "the limit of turns is reached; --max-turns sets it",
  loop: "the model repeats the same call with the same result",
};

function conclude(task: Task, model: string, reason: EndReason): RunResult {
  const { activity, summary, options } = task;
  if (reason === "interrupted") return fail(task, model, task.interruptions.signal.reason);
  if (reason !== "done") activity.line(`stopped: ${stopped[reason]}`);
  else if (summary.answer.trim() === "") activity.line("the model gave an empty answer");
  if (options.verbose) {
    const { usage, turns } = summary;
    const cached = usage.cachedTokens === undefined ? "" : ` (${usage.cachedTokens} cached)`;
    const time = `${(summary.timing().totalMs / 1000).toFixed(1)} s`;
    activity.line(
      `${turns} turns, ${usage.inputTokens} tokens in${cached}, ${usage.outputTokens} out, ${time}`,
    );
  }
  return resultOf(task, model, {
    status: reason,
    exitCode: reason === "done" ? exitCodes.done : exitCodes.stopped,
  });
}

function fail(task: Task, model: string, thrown: unknown): RunResult {
  const { signal } = task.interruptions;
  const reason = signal.aborted ? (signal.reason as Interruption) : undefined;
  if (reason) {
    const isQuiet = reason.exitCode === exitCodes.done; // the reader has what it wanted
    if (!isQuiet) task.activity.line(reason.message);
    return resultOf(task, model, { status: reason.status, exitCode: reason.exitCode });
  }
  task.activity.end();
  const exitCode = reportError(thrown, task.options);
  const { code, hint } = thrown instanceof KimiError ? thrown : { code: "bug", hint: undefined };
  const error = { code, message: messageOf(thrown), ...(hint === undefined ? {} : { hint }) };
  return { ...resultOf(task, model, { status: "error", exitCode }), error };
}

function resultOf(
  { summary, session }: Task,
  model: string,
  { status, exitCode }: Pick<RunResult, "status" | "exitCode">,
): RunResult {
  return {
    type: "result",
    version: outputVersion,
    status,
    exitCode,
    answer: summary.answer,
    session,
    model,
    turns: summary.turns,
    toolCalls: summary.toolCalls,
    usage: summary.usage,
    timing: summary.timing(),
  };
}
