import {
  readArguments,
  toolCallsOf,
  type AssistantMessage,
  type Message,
  type ToolCall,
} from "../../message.ts";

/** A message as OpenAI's chat completions have it. */
export type ChatMessage = Readonly<Record<string, unknown>>;

/** Ids of calls are written as they are: see `rewriteCallIds`. */
export function writeChatMessages(messages: readonly Message[]): ChatMessage[] {
  return messages.map(writeChatMessage);
}

function writeChatMessage(message: Message): ChatMessage {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.text, ...named(message) };
    case "user": {
      const [first, ...rest] = message.content;
      const isPlain = rest.length === 0 && first?.type === "text";
      const parts = message.content.map((part) =>
        part.type === "text" ? part : { type: "image_url", image_url: { url: part.url } },
      );
      return { role: "user", content: isPlain ? first.text : parts, ...named(message) };
    }
    case "assistant":
      return { ...writeReply(message), ...named(message) };
    case "tool":
      return {
        role: "tool",
        tool_call_id: message.callId,
        name: message.toolName,
        content: message.output,
      };
    default:
      return message satisfies never;
  }
}

function named({ name }: { readonly name?: string }): ChatMessage {
  return name === undefined ? {} : { name };
}

function writeReply(message: AssistantMessage): ChatMessage {
  const join = (type: "text" | "thinking"): string =>
    message.content.map((part) => (part.type === type ? part.text : "")).join("");
  const text = join("text");
  const thinking = join("thinking");
  const calls = toolCallsOf(message);
  return {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    // Servers of thinking models refuse calls whose reasoning is missing.
    ...(thinking === "" ? {} : { reasoning_content: thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(writeCall) }),
  };
}

function writeCall({ id, name, arguments: text }: ToolCall): ChatMessage {
  return { id, type: "function", function: { name, arguments: validArguments(text) } };
}

/** Servers parse the arguments of past calls: one malformed call must not make a conversation unusable. */
export function validArguments(text: string): string {
  return "error" in readArguments(text)
    ? JSON.stringify({ malformed_arguments: text })
    : text.trim() || "{}";
}
