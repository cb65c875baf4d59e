import { runAgent } from "../agent/agent.ts";
import type { Approve } from "../agent/approval.ts";
import type { AgentEvent } from "../agent/events.ts";
import type { Tool } from "../agent/tool.ts";
import type { Engine, Sampling } from "../engine/engine.ts";
import type { UserMessage } from "../message.ts";
import { compactConversation } from "./compact.ts";
import type { Session } from "./session.ts";

export interface ConversationParts {
  readonly session: Session;
  readonly engine: Engine;
  readonly tools: readonly Tool[];
  readonly sampling: Sampling;
  readonly maxTurns: number;
  readonly approve: Approve;
}

export interface Sending {
  /** `undefined` asks the model to answer what is there. */
  readonly message: UserMessage | undefined;
  /** What the user says meanwhile, taken after each step. */
  readonly steering?: () => readonly UserMessage[];
  readonly signal: AbortSignal;
}

/** Runs the agent on a session: what happens is kept before anybody sees it. Ends and throws as the agent does. */
export async function* converse(
  parts: ConversationParts,
  { message, steering, signal }: Sending,
): AsyncGenerator<AgentEvent, void> {
  const { session, engine } = parts;
  if (message) session.add(message);
  const task = {
    ...parts,
    messages: session.context,
    compact: compactConversation,
    signal,
    ...(steering ? { steering } : {}),
  };
  for await (const event of runAgent(task)) {
    if (event.type === "message") session.add(event.message);
    if (event.type === "finish") session.addUsage(event.usage, engine.name);
    if (event.type === "compaction-end") session.compact(event.compaction);
    yield event;
  }
}

/** Sums up the conversation now. Says whether there was anything to sum up. */
export async function* compactNow(
  { session, engine }: ConversationParts,
  signal: AbortSignal,
): AsyncGenerator<AgentEvent, boolean> {
  for (let attempt = 0; ; attempt++) {
    const messages = session.context;
    const state = { messages, measured: undefined, isNeeded: true, engine, signal };
    const compaction = yield* compactConversation(state);
    if (!compaction) return attempt > 0;
    session.compact(compaction);
    yield { type: "compaction-end", compaction };
    if (compaction.summary !== undefined || attempt > 0) return true; // else outputs were left out first
  }
}
