import type { AgentEvent } from "../agent/events.ts";
import type { Usage } from "../engine/engine.ts";

/** The version of what `--output json` and `stream-json` print; grows when a field changes its meaning. */
export const outputVersion = 1;

export interface RunInfo {
  readonly session: string;
  readonly model: string;
  readonly tools: readonly string[];
}

export type RunStatus =
  | "done"
  | "length"
  | "filtered"
  | "turn-limit"
  | "loop"
  | "denied"
  | "interrupted"
  | "timeout"
  | "error";

/** How a run ended: the last line of `stream-json`, the whole of `json`. Durations in milliseconds. */
export interface RunResult {
  readonly type: "result";
  readonly version: typeof outputVersion;
  readonly status: RunStatus;
  readonly exitCode: number;
  /** The text of the last reply. */
  readonly answer: string;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly session: string;
  readonly model: string;
  readonly turns: number;
  readonly toolCalls: number;
  /** Of all turns together. */
  readonly usage: Usage;
  readonly timing: { readonly totalMs: number; readonly firstTokenMs?: number };
}

/** Turns the events of a run into an output. */
export interface Renderer {
  start(info: RunInfo): void;
  event(event: AgentEvent): void;
  end(result: RunResult): void;
}

/** Where an answer goes. */
export interface Output {
  write(text: string): void;
}
