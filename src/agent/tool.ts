import type { ToolSpec } from "../message.ts";

/**
 * What running a tool can change, which decides what runs side by side and what asks first:
 * nothing (`read`), nothing here (`network`), files (`write`), anything (`execute`).
 */
export type ToolEffect = "read" | "network" | "write" | "execute";

/** Something a model may call. One file in `tools/` exports one. */
export interface Tool extends ToolSpec {
  readonly effect: ToolEffect;
  /** Milliseconds until a call counts as failed; 60,000 if left out. */
  readonly timeoutMs?: number;
  /**
   * Takes arguments that satisfy `parameters`, and starts nothing yet. What it or `start` throws
   * becomes an error result, whose message the model reads.
   */
  prepare(input: unknown): PreparedCall;
}

export interface PreparedCall {
  /** One short line for the person: `weather in Beijing`. */
  readonly summary: string;
  /** What approval rules are matched against: a path from the workspace, a command line. */
  readonly subject?: string;
  /**
   * What the person sees before approving: the change that an edit would make. Called right before
   * that, after all earlier calls have ended. What it throws becomes an error result, and nobody is asked.
   */
  preview?(signal: AbortSignal): Promise<ToolDisplay>;
  start(context: ToolContext): Promise<ToolResult>;
}

export interface ToolContext {
  /** Aborts when the run is interrupted or the call's time is up. */
  readonly signal: AbortSignal;
  /** Shows output to the person while the tool runs. */
  readonly report: (text: string) => void;
}

export interface ToolResult {
  /** What the model reads. */
  readonly output: string;
  /** Whether the output tells of a failure. */
  readonly isError?: boolean;
  /** What the person sees instead, where that differs. */
  readonly display?: ToolDisplay;
}

export type ToolDisplay =
  | { readonly type: "text"; readonly text: string }
  /** A unified diff of one file, without the header lines. */
  | {
      readonly type: "diff";
      readonly path: string;
      readonly diff: string;
      readonly added: number;
      readonly removed: number;
    };

export const defaultToolTimeoutMs = 60_000;

/** Fields that have a value, as a line of JSON, spaced as Python spaces it: the form the demonstration model knows best. */
export function jsonOutput(fields: Readonly<Record<string, unknown>>): ToolResult {
  const members = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return { output: `{${members.join(", ")}}` };
}
