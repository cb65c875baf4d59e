import { messageOf } from "../errors.ts";
import type { ToolCall, ToolMessage } from "../message.ts";
import type { Approve } from "./approval.ts";
import { EventQueue } from "./event-queue.ts";
import type { AgentEvent, ToolOutcome } from "./events.ts";
import {
  defaultToolTimeoutMs,
  jsonOutput,
  type PreparedCall,
  type Tool,
  type ToolEffect,
  type ToolResult,
} from "./tool.ts";
import type { BoundCall, ToolSet } from "./tool-set.ts";

export interface CallsToRun {
  readonly calls: readonly ToolCall[];
  readonly tools: ToolSet;
  readonly approve: Approve;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly call: ToolCall;
  readonly message: ToolMessage;
  readonly outcome: ToolOutcome;
  /** `undefined` when no tool ran. */
  readonly effect: ToolEffect | undefined;
}

/**
 * Runs a turn's calls and returns exactly one answer for each, in call order, whatever happens.
 * Neighbouring calls that change nothing here run together; one that writes or executes runs alone.
 */
export async function* runCalls(task: CallsToRun): AsyncGenerator<AgentEvent, readonly Answer[]> {
  const answers: Answer[] = [];
  const bound = task.calls.map((call) => ({ call, bound: task.tools.bind(call) }));
  for (let from = 0; from < bound.length;) {
    let to = from + 1;
    while (to < bound.length && isShareable(bound[from]?.bound) && isShareable(bound[to]?.bound))
      to++;
    const queue = new EventQueue<AgentEvent>();
    const work = Promise.all(
      bound.slice(from, to).map((item) => runCall({ ...item, task, queue })),
    );
    yield* queue.until(work);
    answers.push(...(await work));
    from = to;
  }
  return answers;
}

function isShareable(bound: BoundCall | undefined): boolean {
  return (
    bound !== undefined &&
    ("error" in bound || bound.tool.effect === "read" || bound.tool.effect === "network")
  );
}

interface CallToRun {
  readonly call: ToolCall;
  readonly bound: BoundCall;
  readonly task: CallsToRun;
  readonly queue: EventQueue<AgentEvent>;
}

async function runCall({ call, bound, task, queue }: CallToRun): Promise<Answer> {
  let started = performance.now();
  const end = (outcome: ToolOutcome, result: ToolResult): Answer => {
    const display =
      result.display ??
      (outcome === "ok" ? undefined : { type: "text" as const, text: result.output });
    queue.push({
      type: "tool-end",
      callId: call.id,
      outcome,
      durationMs: Math.round(performance.now() - started),
      ...(display ? { display } : {}),
    });
    const effect = "tool" in bound ? bound.tool.effect : undefined;
    const message: ToolMessage = {
      role: "tool",
      callId: call.id,
      toolName: call.name,
      output: result.output,
      isError: outcome !== "ok",
    };
    return { call, message, outcome, effect };
  };

  const summary = "error" in bound ? call.name : bound.prepared.summary;
  queue.push({ type: "tool-start", callId: call.id, summary });
  if (task.signal.aborted) return end("interrupted", interrupted());
  if ("error" in bound) return end("error", failure(bound.error));
  const { tool, prepared } = bound;
  try {
    const { subject } = prepared;
    const preview = await (prepared.preview &&
      orAborted(prepared.preview(task.signal), { signal: task.signal, patienceMs: 0 }));
    const request = {
      callId: call.id,
      toolName: tool.name,
      effect: tool.effect,
      summary,
      ...(subject === undefined ? {} : { subject }),
      ...(preview ? { preview } : {}),
    };
    const approval = await task.approve(request, task.signal);
    started = performance.now(); // a person's thinking is not the tool's time
    if (approval.decision === "deny") return end("denied", failure(`denied: ${approval.reason}`));
    const report = (text: string): void =>
      queue.push({ type: "tool-output", callId: call.id, text });
    const result = await startWithTimeout({ tool, prepared, signal: task.signal, report });
    if (result.isError !== true) return end("ok", result);
    return end(task.signal.aborted ? "interrupted" : "error", result);
  } catch (thrown) {
    return task.signal.aborted
      ? end("interrupted", interrupted())
      : end("error", failure(messageOf(thrown)));
  }
}

/** What ignores its signal is left behind, after some patience. */
async function orAborted<T>(
  work: Promise<T>,
  { signal, patienceMs }: { readonly signal: AbortSignal; readonly patienceMs: number },
): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => void setTimeout(() => reject(signal.reason as Error), patienceMs);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

interface StartOptions {
  readonly tool: Tool;
  readonly prepared: PreparedCall;
  readonly signal: AbortSignal;
  readonly report: (text: string) => void;
}

/** How long an aborted tool may take to say what it had until then, milliseconds. */
const lastWordsMs = 200;

/** A tool that ignores its signal is left behind: the run goes on without it. */
async function startWithTimeout({
  tool,
  prepared,
  signal,
  report,
}: StartOptions): Promise<ToolResult> {
  const timeoutMs = tool.timeoutMs ?? defaultToolTimeoutMs;
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(() => {
    controller.abort(
      new Error(`${tool.name} took longer than ${timeoutMs / 1000} s and was stopped`),
    );
  }, timeoutMs);
  try {
    if (signal.aborted) stop();
    const started = prepared.start({ signal: controller.signal, report });
    const result = await orAborted(started, { signal: controller.signal, patienceMs: lastWordsMs });
    if (typeof result?.output === "string") return result;
    throw new Error(`${tool.name} returned no output text`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function failure(error: string): ToolResult {
  return { ...jsonOutput({ error }), isError: true };
}

function interrupted(): ToolResult {
  return failure("interrupted by the user");
}
