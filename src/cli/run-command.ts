import { ApprovalPolicy } from "../agent/approval.ts";
import type { EndReason } from "../agent/events.ts";
import { maskKey, type Config } from "../config/resolve.ts";
import type { Settings } from "../config/settings.ts";
import type { Engine } from "../engine/engine.ts";
import { openEngine } from "../engine/open-engine.ts";
import { userText } from "../message.ts";
import { Activity } from "../render/activity.ts";
import { jsonRenderer } from "../render/json.ts";
import type { Renderer } from "../render/renderer.ts";
import { RunSummary } from "../render/run-summary.ts";
import { streamJsonRenderer } from "../render/stream-json.ts";
import { textRenderer } from "../render/text.ts";
import { converse } from "../session/conversation.ts";
import type { Session } from "../session/session.ts";
import { Interruptions } from "./interruption.ts";
import { openTools } from "./open-tools.ts";
import { fileOutput, standardOutput, type ClosableOutput } from "./output.ts";
import { openSession, type SessionChoice } from "./open-session.ts";
import { conclude, fail, type Ending, type RunState } from "./run-ending.ts";
import {
  approvalRules,
  engineConfig,
  ignoredNotice,
  readConfig,
  samplingOf,
  withPromptCache,
} from "./setup.ts";
import { readPrompt } from "./stdin.ts";

export interface RunOptions {
  readonly prompt: string | undefined;
  readonly flags: Partial<Settings>;
  readonly output: "text" | "json" | "stream-json";
  readonly outputFile: string | undefined;
  readonly readStdin: boolean;
  readonly session: SessionChoice;
  /** Whether what would be asked for is allowed. */
  readonly yes: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
}

/** `kimi run`: one task, from the prompt to the exit code. */
export async function run(options: RunOptions): Promise<number> {
  const interruptions = new Interruptions();
  const isTerminal = process.stderr.isTTY;
  const state: RunState = {
    signal: interruptions.signal,
    activity: new Activity({ write: (text) => void process.stderr.write(text), isTerminal }),
    summary: new RunSummary(performance.now()),
    session: "",
    verbose: options.verbose,
    debug: options.debug,
    model: "",
    hideKey: (text) => text,
  };
  const { outputFile } = options;
  const output = outputFile === undefined ? standardOutput() : fileOutput(outputFile);
  const opened: Opened = {};
  try {
    const attempted = await attempt(state, { options, interruptions, output, opened });
    const { renderer, result, report } = attempted;
    interruptions.stop();
    state.activity.end();
    renderer.end(result);
    // JSON tells of a failure; an answer that is none is not written over one.
    const hasFailed = result.status === "error" || result.status === "interrupted";
    output.close({ failed: options.output === "text" && hasFailed });
    report();
    return result.exitCode;
  } finally {
    // After the answer: a local engine may have to save what it has computed, for which the session is its own.
    await opened.engine?.close();
    opened.session?.close();
  }
}

/** What is to be closed. */
interface Opened {
  engine?: Engine;
  session?: Session;
}

interface Attempt {
  readonly options: RunOptions;
  readonly interruptions: Interruptions;
  readonly output: ClosableOutput;
  readonly opened: Opened;
}

async function attempt(
  state: RunState,
  { options, interruptions, output, opened }: Attempt,
): Promise<Ending & { readonly renderer: Renderer }> {
  const { activity, summary, signal } = state;
  let renderer = rendererFor(options, output, { hasTools: false });
  try {
    const config = readConfig(options.flags);
    const { values } = config;
    const key = values["api-key"];
    if (key !== undefined) state.hideKey = (text) => text.replaceAll(key, maskKey(key));
    if (values.timeout !== undefined) interruptions.limit(values.timeout);
    const ignored = ignoredNotice(config);
    if (ignored !== undefined) activity.line(ignored);
    const prompt = await readPrompt({
      argument: options.prompt,
      readStdin: options.readStdin,
      notice: (line) => activity.line(line),
      signal,
    });
    const policy = new ApprovalPolicy({ rules: approvalRules(values), yes: options.yes });
    const tools = policy.visible(await openTools(values.tools ?? [], signal));
    renderer = rendererFor(options, output, { hasTools: tools.length > 0 });
    const session = openSession(options.session, values);
    opened.session = session;
    state.session = session.id;
    for (const repair of session.repairs) activity.line(`session ${session.id}: ${repair}`);
    const wanted = engineConfig(config, traceFor(state));
    const engine = await openEngine(
      withPromptCache(wanted, config, () => session.path),
      signal,
    );
    opened.engine = engine;
    state.model = engine.name;
    if (options.verbose) activity.line(`model ${engine.name}, ${describe(config)}`);
    renderer.start({
      session: state.session,
      model: engine.name,
      tools: tools.map(({ name }) => name),
    });
    let reason: EndReason = "done";
    const { approve } = policy;
    const maxTurns = values["max-turns"] ?? 50;
    const parts = { session, engine, tools, sampling: samplingOf(values), maxTurns, approve };
    for await (const event of converse(parts, { message: userText(prompt), signal })) {
      summary.add(event);
      activity.event(event);
      renderer.event(event);
      if (event.type === "end") reason = event.reason;
    }
    return { renderer, ...conclude(state, reason) };
  } catch (thrown) {
    return { renderer, ...fail(state, thrown) };
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

function traceFor(state: RunState): ((line: string) => void) | undefined {
  if (!state.debug) return undefined;
  return (line) => void process.stderr.write(`debug: ${state.hideKey(line)}\n`);
}

function describe({ values, origins }: Config): string {
  const server = values["base-url"];
  return server
    ? `${values.protocol} at ${server} (${origins.get("base-url")})`
    : `local (${origins.get("model")})`;
}
