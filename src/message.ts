/** The vocabulary everything shares: what is said in a conversation, and what a model may call. */

export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

/** An image by its URL; a `data:` URL carries the image itself. */
export interface ImagePart {
  readonly type: "image";
  readonly url: string;
}

/** What a model thought before it spoke. `signature` is an opaque token some servers want back. */
export interface ThinkingPart {
  readonly type: "thinking";
  readonly text: string;
  readonly signature?: string;
}

export interface ToolCall {
  readonly type: "tool-call";
  /** Opaque to the loop; unique in its conversation. */
  readonly id: string;
  readonly name: string;
  /** JSON text exactly as the model wrote it; may be malformed. */
  readonly arguments: string;
  /** Why the call can't be used, where the output itself shows it (no readable name, say). Never run. */
  readonly error?: string;
}

export interface SystemMessage {
  readonly role: "system";
  readonly text: string;
  readonly name?: string;
}

export interface UserMessage {
  readonly role: "user";
  readonly content: readonly (TextPart | ImagePart)[];
  readonly name?: string;
}

export interface AssistantMessage {
  readonly role: "assistant";
  /** In the order in which the model produced them. */
  readonly content: readonly (ThinkingPart | TextPart | ToolCall)[];
  readonly name?: string;
}

export interface ToolMessage {
  readonly role: "tool";
  readonly callId: string;
  readonly toolName: string;
  readonly output: string;
  readonly isError: boolean;
}

export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage;

/** A JSON Schema (2020-12 or draft 7) of an object. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a model is told about a tool. */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonSchema;
}

export function userText(text: string): UserMessage {
  return { role: "user", content: [{ type: "text", text }] };
}

/** All text parts of a message, joined; thinking and calls left out. */
export function textOf(message: Message): string {
  switch (message.role) {
    case "system":
      return message.text;
    case "tool":
      return message.output;
    case "user":
    case "assistant":
      return message.content.map((part) => (part.type === "text" ? part.text : "")).join("");
    default:
      return message satisfies never;
  }
}

export function toolCallsOf(message: AssistantMessage): readonly ToolCall[] {
  return message.content.filter((part) => part.type === "tool-call");
}

/** A call's arguments as a JSON object, or what is wrong with them. Empty text counts as `{}`. */
export function readArguments(
  text: string,
): { readonly value: Readonly<Record<string, unknown>> } | { readonly error: string } {
  let value: unknown;
  try {
    value = JSON.parse(text.trim() || "{}");
  } catch (cause) {
    return { error: `the arguments are not JSON: ${(cause as Error).message}` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { error: "the arguments are not a JSON object" };
  }
  return { value: value as Record<string, unknown> };
}
