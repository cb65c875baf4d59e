import type { Message, ToolCall } from "../../message.ts";
import { toolCallsOf } from "../../message.ts";

/**
 * K2 reads a function's name from the id of a call and counts calls over the whole conversation;
 * other ids in its history make it imitate them (k2-facts §3.6).
 */
function callId(name: string, index: number): string {
  return `functions.${name}:${index}`;
}

function countCalls(messages: readonly Message[]): number {
  let calls = 0;
  for (const message of messages) {
    if (message.role === "assistant") calls += toolCallsOf(message).length;
  }
  return calls;
}

/**
 * The same conversation with every id in K2's form. An answer goes with the latest call of its id
 * that has no answer yet, since foreign ids may repeat; an answer without a call keeps its id.
 */
export function rewriteCallIds(messages: readonly Message[]): Message[] {
  const waiting = new Map<string, string[]>();
  let index = 0;
  const rewriteCall = (call: ToolCall): ToolCall => {
    const id = callId(call.name, index++);
    const queue = waiting.get(call.id);
    if (queue) queue.push(id);
    else waiting.set(call.id, [id]);
    return { ...call, id };
  };
  return messages.map((message): Message => {
    if (message.role === "tool") {
      return { ...message, callId: waiting.get(message.callId)?.shift() ?? message.callId };
    }
    if (message.role !== "assistant") return message;
    waiting.clear();
    return {
      ...message,
      content: message.content.map((part) =>
        part.type === "tool-call" ? rewriteCall(part) : part,
      ),
    };
  });
}

/** Gives the calls of a reply their ids, which go on from those of the conversation. */
export class CallCounter {
  #next: number;

  constructor(messages: readonly Message[]) {
    this.#next = countCalls(messages);
  }

  id(name: string): string {
    return callId(name, this.#next++);
  }

  /** The id that a call would get after `calls` more; counts nothing. */
  idAfter(calls: number, name: string): string {
    return callId(name, this.#next + calls);
  }
}
