import type { Engine, Usage } from "../engine/engine.ts";
import { textOf, userText, type Message, type ToolMessage } from "../message.ts";
import type { AgentEvent } from "./events.ts";

/** How a conversation is made to fit: what of it the model still sees. Nothing is deleted from a session. */
export interface Compaction {
  /** How many messages at the end stay as they are; the system message always does. */
  readonly kept: number;
  /** What the model reads instead of the others. Without it they stay, but for pruned outputs. */
  readonly summary?: string;
  /** Calls whose outputs are left out. */
  readonly pruned: readonly string[];
}

export interface CompactionState {
  readonly messages: readonly Message[];
  /** Usage of the last reply, and how many messages it was for. */
  readonly measured: { readonly usage: Usage; readonly count: number } | undefined;
  /** Whether room must be made in any case: the engine refused, or the user asked. */
  readonly isNeeded: boolean;
  readonly engine: Engine;
  readonly signal: AbortSignal;
}

/** Decides whether room is needed, and makes it. `undefined` leaves everything as it is. */
export type Compact = (
  state: CompactionState,
) => AsyncGenerator<AgentEvent, Compaction | undefined>;

const summaryHeading = "Summary of the conversation so far:";

/** What the model sees after a compaction: each call still has its answer. */
export function applyCompaction(
  messages: readonly Message[],
  { kept, summary, pruned }: Compaction,
): readonly Message[] {
  const isPruned = new Set(pruned);
  const slim = messages.map((message) =>
    isPrunable(message) && isPruned.has(message.callId)
      ? { ...message, output: prunedOutput(message.output) }
      : message,
  );
  if (summary === undefined) return slim;
  const system = slim.filter((message) => message.role === "system").slice(0, 1);
  return [...system, userText(`${summaryHeading}\n\n${summary}`), ...lastOf(slim, kept)];
}

export function isSummary(message: Message): boolean {
  return message.role === "user" && textOf(message).startsWith(`${summaryHeading}\n`);
}

function lastOf(messages: readonly Message[], count: number): readonly Message[] {
  return count === 0 ? [] : messages.slice(-count).filter((message) => message.role !== "system");
}

/** Outputs that are shorter, in characters, are not worth it. */
const shortOutput = 400;

export function isPrunable(message: Message): message is ToolMessage {
  return message.role === "tool" && message.output.length > shortOutput;
}

export function prunedOutput(output: string): string {
  return `[output of ${output.length} characters left out]`;
}
