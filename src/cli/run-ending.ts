import type { EndReason } from "../agent/events.ts";
import { exitCodes, KimiError, messageOf } from "../errors.ts";
import type { Activity } from "../render/activity.ts";
import { outputVersion, type RunResult, type RunStatus } from "../render/renderer.ts";
import type { RunSummary } from "../render/run-summary.ts";
import { Interruption } from "./interruption.ts";
import { reportError } from "./report-error.ts";

/** What is known of a run when it ends. */
export interface RunState {
  readonly signal: AbortSignal;
  readonly activity: Activity;
  readonly summary: RunSummary;
  /** Empty until one is open. */
  session: string;
  readonly verbose: boolean;
  readonly debug: boolean;
  /** Empty until an engine is open. */
  model: string;
  /** Takes the key out of a text, which a server may have put there. */
  hideKey: (text: string) => string;
}

export interface Ending {
  readonly result: RunResult;
  /** Tells the person, after the answer is written. */
  readonly report: () => void;
}

const stopped: Readonly<
  Record<Exclude<RunStatus, "done" | "error" | "interrupted" | "timeout">, string>
> = {
  length: "the reply reached its token limit; --max-tokens sets it",
  filtered: "the server's content filter ended the reply",
  "turn-limit": "the limit of turns is reached; --max-turns sets it",
  loop: "the model repeats the same call with the same result",
  denied: "a call was denied, so the task may not be done; --allow or --yes allows it",
};

/** The end of a run that the agent ended. */
export function conclude(state: RunState, reason: EndReason): Ending {
  if (reason === "interrupted") return fail(state, state.signal.reason);
  const { activity, summary, verbose } = state;
  const status = reason === "done" && summary.denied ? "denied" : reason;
  const exitCode = status === "done" ? exitCodes.done : exitCodes.stopped;
  const report = (): void => {
    if (status !== "done") activity.line(`stopped: ${stopped[status]}`);
    else if (summary.answer.trim() === "") activity.line("the model gave an empty answer");
    if (verbose) activity.line(costOf(summary));
  };
  return { result: resultOf(state, { status, exitCode }), report };
}

function costOf(summary: RunSummary): string {
  const { usage, turns } = summary;
  const cached = usage.cachedTokens === undefined ? "" : ` (${usage.cachedTokens} cached)`;
  const time = `${(summary.timing().totalMs / 1000).toFixed(1)} s`;
  const count = turns === 1 ? "1 turn" : `${turns} turns`;
  return `${count}, ${usage.inputTokens} tokens in${cached}, ${usage.outputTokens} out, ${time}`;
}

/** The end of a run that was interrupted, or that failed. */
export function fail(state: RunState, thrown: unknown): Ending {
  const { signal, activity, debug } = state;
  if (signal.aborted && signal.reason instanceof Interruption) {
    const { status, exitCode, message } = signal.reason;
    const isQuiet = exitCode === exitCodes.done; // the reader has what it wanted
    const report = (): void => (isQuiet ? undefined : activity.line(message));
    return { result: resultOf(state, { status, exitCode }), report };
  }
  const cause: unknown = signal.aborted ? signal.reason : thrown;
  const known =
    cause instanceof KimiError ? cause : { code: "bug", exitCode: exitCodes.bug, hint: undefined };
  const { code, exitCode, hint } = known;
  const message = state.hideKey(messageOf(cause));
  const error = { code, message, ...(hint === undefined ? {} : { hint }) };
  const report = (): void => void reportError(cause, { debug, hideKey: state.hideKey });
  return { result: { ...resultOf(state, { status: "error", exitCode }), error }, report };
}

function resultOf(
  { summary, session, model }: RunState,
  { status, exitCode }: Pick<RunResult, "status" | "exitCode">,
): RunResult {
  const { answer, turns, toolCalls, usage } = summary;
  const timing = summary.timing();
  return {
    type: "result",
    version: outputVersion,
    status,
    exitCode,
    answer,
    session,
    model,
    turns,
    toolCalls,
    usage,
    timing,
  };
}
