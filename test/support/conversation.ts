/** Conversations as a session has them, and what must hold of every one. */
import {
  toolCallsOf,
  type AssistantMessage,
  type Message,
  type ToolMessage,
} from "../../src/message.ts";

/** What a server would refuse: calls without exactly one answer right after them, answers without a call. */
export function problemsOf(messages: readonly Message[]): string[] {
  const problems: string[] = [];
  let open = new Set<string>();
  for (const [index, message] of messages.entries()) {
    if (message.role === "tool") {
      if (!open.delete(message.callId)) problems.push(`${index}: an answer to no open call`);
      continue;
    }
    for (const id of open) problems.push(`${index}: ${id} has no answer`);
    open = new Set();
    if (message.role === "assistant") open = new Set(toolCallsOf(message).map(({ id }) => id));
  }
  for (const id of open) problems.push(`end: ${id} has no answer`);
  return problems;
}

export function assistantText(text: string): AssistantMessage {
  return { role: "assistant", content: [{ type: "text", text }] };
}

export function assistantCalls(...ids: readonly string[]): AssistantMessage {
  return {
    role: "assistant",
    content: ids.map((id) => ({ type: "tool-call", id, name: "t", arguments: '{"a": "ä\\n"}' })),
  };
}

export function answer(callId: string, output = "1"): ToolMessage {
  return { role: "tool", callId, toolName: "t", output, isError: false };
}
