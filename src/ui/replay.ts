import { isSummary } from "../agent/compaction.ts";
import type { ToolOutcome } from "../agent/events.ts";
import {
  readArguments,
  toolCallsOf,
  type AssistantMessage,
  type Message,
  type ToolMessage,
} from "../message.ts";
import { shellCommandOf } from "../session/shell-message.ts";
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

/** The values of a call's arguments, which say more than their names. */
function inWords(text: string): string {
  const read = readArguments(text);
  if ("error" in read) return text;
  return Object.values(read.value)
    .map((value) => (typeof value === "string" ? value : JSON.stringify(value)))
    .join(" ");
}

/** As far as the words that the model was told tell it. */
function outcomeOf({ isError, output }: ToolMessage): ToolOutcome {
  if (!isError) return "ok";
  if (output.startsWith('{"error": "denied: ')) return "denied";
  return /^\{"error": "(?:stopped: )?interrupted/.test(output) ? "interrupted" : "error";
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
        if (isSummary(message)) return [];
        const command = shellCommandOf(text);
        if (command === undefined) return [{ type: "user", text, isSteering: false }];
        const output = text.slice(text.indexOf("\n", text.indexOf("$ ")) + 1);
        const ran = {
          name: "shell",
          summary: command,
          outcome: "ok",
          durationMs: undefined,
        } as const;
        return [
          { type: "user", text: `!${command}`, isSteering: false },
          { type: "tool", ...ran, display: { type: "text", text: output } },
        ];
      }
      case "assistant": {
        for (const { id, name, arguments: text } of toolCallsOf(message)) {
          calls.set(id, `${name} ${inWords(text)}`.trim());
        }
        return textsOf(message).flatMap((text) => [{ type: "text", text }, { type: "text-end" }]);
      }
      case "tool":
        return [
          {
            type: "tool",
            name: message.toolName,
            summary: calls.get(message.callId) ?? message.toolName,
            outcome: outcomeOf(message),
            durationMs: undefined,
            display: { type: "text", text: message.output },
          },
        ];
      default:
        return message satisfies never;
    }
  });
}
