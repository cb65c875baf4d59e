import { toolCallsOf, type Message, type ToolCall, type ToolMessage } from "../message.ts";

export interface Repaired {
  readonly messages: readonly Message[];
  /** Calls that had no answer. */
  readonly answered: number;
  /** Answers that had no call, or a second one. */
  readonly dropped: number;
}

/** Conversations that need no repair; arrays of messages are never changed once they are looked at. */
const wellFormed = new WeakSet<readonly Message[]>();

/**
 * A conversation in which each call has exactly one answer, right after the message that made it: calls
 * that a kill or a damaged line left alone are answered "interrupted", answers without a call go.
 */
export function repairConversation(messages: readonly Message[]): Repaired {
  if (wellFormed.has(messages)) return { messages, answered: 0, dropped: 0 };
  const repaired: Message[] = [];
  const open = new Map<string, ToolCall>();
  let answered = 0;
  let dropped = 0;
  const answerOpen = (): void => {
    for (const call of open.values()) repaired.push(interruptedAnswer(call));
    answered += open.size;
    open.clear();
  };
  for (const message of messages) {
    if (message.role === "tool") {
      if (open.delete(message.callId)) repaired.push(message);
      else dropped++;
      continue;
    }
    answerOpen();
    repaired.push(message);
    if (message.role === "assistant") {
      for (const call of toolCallsOf(message)) open.set(call.id, call);
    }
  }
  answerOpen();
  const result = answered + dropped === 0 ? messages : repaired;
  wellFormed.add(result);
  return { messages: result, answered, dropped };
}

function interruptedAnswer({ id, name }: ToolCall): ToolMessage {
  const output = '{"error": "interrupted"}';
  return { role: "tool", callId: id, toolName: name, output, isError: true };
}
