import { usageError } from "../../errors.ts";
import type { AssistantMessage, ImagePart, Message, TextPart, ToolCall } from "../../message.ts";
import { writeSpacedJson } from "../kimi/python-json.ts";

export interface ChatRequest {
  readonly messages: readonly Message[];
  /** As they were given. */
  readonly tools: readonly object[];
}

/**
 * Reads a chat-completions request, from JSON that `parseKeepingNumbers` has parsed.
 * @throws KimiError naming the member that is not what it should be.
 */
export function readChatRequest(value: unknown): ChatRequest {
  const { messages, tools } = object(value, "the request");
  if (!Array.isArray(messages)) throw bad("messages", "is not a list");
  if (tools !== undefined && tools !== null && !Array.isArray(tools))
    throw bad("tools", "is not a list");
  return {
    messages: messages.map((message, index) =>
      readMessage(object(message, `messages[${index}]`), `messages[${index}]`),
    ),
    tools: ((tools as unknown[] | undefined) ?? []).map((tool, index) =>
      object(tool, `tools[${index}]`),
    ),
  };
}

type Members = Readonly<Record<string, unknown>>;

function readMessage(message: Members, where: string): Message {
  const { role, name } = message;
  if (typeof role !== "string") throw bad(`${where}.role`, "is missing");
  const named = typeof name === "string" && name !== "" ? { name } : {};
  switch (role) {
    case "user":
      return { role, content: readParts(message["content"], where), ...named };
    case "assistant":
      return { role, content: readReply(message, where), ...named };
    case "tool": {
      const callId = message["tool_call_id"];
      if (typeof callId !== "string") throw bad(`${where}.tool_call_id`, "is missing");
      return {
        role,
        callId,
        toolName: named.name ?? "tool",
        output: textOfParts(message["content"], where),
        isError: false,
      };
    }
    default: {
      // The template writes any other role as a system message of that name.
      const ownName = named.name ?? (role === "system" ? undefined : role);
      const text = textOfParts(message["content"], where);
      return { role: "system", text, ...(ownName === undefined ? {} : { name: ownName }) };
    }
  }
}

function readParts(content: unknown, where: string): (TextPart | ImagePart)[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw bad(`${where}.content`, "is neither text nor a list of parts");
  return content.map((item, index): TextPart | ImagePart => {
    const part = object(item, `${where}.content[${index}]`);
    if (part["type"] === "text")
      return { type: "text", text: (part["text"] as string | undefined) ?? "" };
    const image = part["image_url"] as { url?: string } | undefined;
    return { type: "image", url: image?.url ?? "" };
  });
}

function textOfParts(content: unknown, where: string): string {
  return readParts(content, where)
    .map((part) => (part.type === "text" ? part.text : ""))
    .join("");
}

function readReply(message: Members, where: string): AssistantMessage["content"] {
  const { reasoning_content: thinking, tool_calls: calls } = message;
  const thought =
    typeof thinking === "string" && thinking !== ""
      ? [{ type: "thinking" as const, text: thinking }]
      : [];
  const said = readParts(message["content"], where).filter((part) => part.type === "text");
  if (calls !== undefined && calls !== null && !Array.isArray(calls))
    throw bad(`${where}.tool_calls`, "is not a list");
  const made = ((calls as unknown[] | undefined) ?? []).map((call, index) =>
    readCall(object(call, `${where}.tool_calls[${index}]`), `${where}.tool_calls[${index}]`),
  );
  return [...thought, ...said, ...made];
}

function readCall(call: Members, where: string): ToolCall {
  const { name, arguments: given } = object(call["function"], `${where}.function`);
  if (typeof name !== "string") throw bad(`${where}.function.name`, "is missing");
  const text = typeof given === "string" ? given : writeSpacedJson(given ?? {});
  return { type: "tool-call", id: (call["id"] as string | undefined) ?? "", name, arguments: text };
}

function object(value: unknown, where: string): Members {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Members;
  throw bad(where, "is not a JSON object");
}

function bad(where: string, what: string): Error {
  return usageError(
    `${where} ${what}`,
    'A request is {"messages": [{"role": "user", "content": "…"}], "tools": […]}.',
  );
}
