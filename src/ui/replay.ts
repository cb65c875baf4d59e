import { isSummary } from "../agent/compaction.ts";
import { toolCallsOf, type AssistantMessage, type Message } from "../message.ts";
import type { Print } from "./chat-state.ts";

/** Texts between calls and thoughts, each of which was an answer of its own on the screen. */
function textsOf({ content }: AssistantMessage): readonly string[] {
  const texts = [""];
  for (const part of content) {
    if (part.type === "text") texts.push((texts.pop() ?? "") + part.text);
    else texts.push("");
  }
  return texts.filter((text) => text !== "");
}

/** An earlier conversation as it was printed then, as far as its messages tell. */
export function printsOf(messages: readonly Message[]): readonly Print[] {
  const calls = new Map<string, string>();
  return messages.flatMap((message): Print[] => {
    switch (message.role) {
      case "system":
        return [];
      case "user": {
        const [first] = message.content;
        const text = first?.type === "text" ? first.text : "";
        return isSummary(message) ? [] : [{ type: "user", text, isSteering: false }];
      }
      case "assistant": {
        for (const { id, name, arguments: text } of toolCallsOf(message)) {
          calls.set(id, `${name} ${text}`);
        }
        return textsOf(message).flatMap((text) => [{ type: "text", text }, { type: "text-end" }]);
      }
      case "tool":
        return [
          {
            type: "tool",
            name: message.toolName,
            summary: calls.get(message.callId) ?? message.toolName,
            outcome: message.isError ? "error" : "ok",
            durationMs: undefined,
            display: { type: "text", text: message.output },
          },
        ];
      default:
        return message satisfies never;
    }
  });
}
