import type { AssistantMessage, ImagePart, Message, TextPart } from "../../message.ts";
import { validArguments } from "./chat-messages.ts";

/** A content block as it comes from a server. */
export interface AnthropicBlock {
  readonly type: string;
  readonly text?: string;
  readonly thinking?: string;
  readonly signature?: string;
  readonly id?: string;
  readonly name?: string;
  readonly input?: object;
}

interface WireMessage {
  readonly role: "user" | "assistant";
  readonly content: object[];
}

/** System messages go beside the conversation; results of tools are the user's; neighbours of one role are one message. */
export function writeAnthropicMessages(messages: readonly Message[]): {
  readonly system: string;
  readonly messages: readonly WireMessage[];
} {
  const system: string[] = [];
  const wire: WireMessage[] = [];
  const add = (role: WireMessage["role"], blocks: object[]): void => {
    const last = wire.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else if (blocks.length > 0) wire.push({ role, content: blocks });
  };
  for (const message of messages) {
    switch (message.role) {
      case "system":
        system.push(message.text);
        break;
      case "user":
        add("user", message.content.map(userBlock));
        break;
      case "assistant":
        add("assistant", replyBlocks(message));
        break;
      case "tool": {
        const { callId, output, isError } = message;
        const failed = isError ? { is_error: true } : {};
        add("user", [{ type: "tool_result", tool_use_id: callId, content: output, ...failed }]);
        break;
      }
      default:
        message satisfies never;
    }
  }
  return { system: system.join("\n\n"), messages: wire };
}

function userBlock(part: TextPart | ImagePart): object {
  if (part.type === "text") return part;
  const data = /^data:(?<mediaType>[^;,]+);base64,(?<data>.*)$/s.exec(part.url)?.groups;
  const source = data
    ? { type: "base64", media_type: data["mediaType"], data: data["data"] }
    : { type: "url", url: part.url };
  return { type: "image", source };
}

function replyBlocks({ content }: AssistantMessage): object[] {
  return content.flatMap((part): object[] => {
    switch (part.type) {
      case "text":
        return part.text === "" ? [] : [part];
      case "thinking":
        // Without its signature a server can't take a thought back.
        return part.signature === undefined
          ? []
          : [{ type: "thinking", thinking: part.text, signature: part.signature }];
      case "tool-call":
        return [
          {
            type: "tool_use",
            id: part.id,
            name: part.name,
            input: JSON.parse(validArguments(part.arguments)) as object,
          },
        ];
      default:
        return part satisfies never;
    }
  });
}
