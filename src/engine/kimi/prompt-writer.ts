import type { AssistantMessage, ImagePart, Message, TextPart, ToolSpec } from "../../message.ts";
import { toolCallsOf } from "../../message.ts";
import type { PromptPiece } from "../text-engine.ts";
import * as token from "./control-tokens.ts";
import { writeSortedJson } from "./python-json.ts";

const defaultSystem = "You are Kimi, an AI assistant created by Moonshot AI.";

export interface ConversationToWrite {
  readonly messages: readonly Message[];
  /** Items of a chat-completions request's `tools`, written as they are. */
  readonly tools: readonly object[];
}

/** Tools as a request gives them. */
export function declare(tools: readonly ToolSpec[]): object[] {
  return tools.map(({ name, description, parameters }) => ({
    type: "function",
    function: { name, description, parameters },
  }));
}

/**
 * The exact prompt of K2-Instruct's chat template in its current revision (k2-facts §2.5), ending
 * where the assistant's next words go. Ids of calls are written as they are: see `rewriteCallIds`.
 */
export function writePrompt({ messages, tools }: ConversationToWrite): PromptPiece[] {
  const out = new PieceList();
  if (tools.length > 0) {
    out.header(token.imSystem, "tool_declare");
    out.text(writeSortedJson(tools));
    out.control(token.imEnd);
  }
  if (messages.length > 0 && messages[0]?.role !== "system") {
    out.header(token.imSystem, "system");
    out.text(defaultSystem);
    out.control(token.imEnd);
    out.text("\n"); // a line break of the template's own, in this place only
  }
  for (const message of messages) writeMessage(message, out);
  out.header(token.imAssistant, "assistant");
  return out.pieces;
}

/** The prompt as one string, control tokens spelled out: for a completions endpoint or a person. */
export function spellPrompt(pieces: readonly PromptPiece[]): string {
  return pieces.map((piece) => (piece.type === "text" ? piece.text : piece.token)).join("");
}

function writeMessage(message: Message, out: PieceList): void {
  switch (message.role) {
    case "system":
      out.header(token.imSystem, message.name ?? "system");
      out.text(message.text);
      break;
    case "user":
      out.header(token.imUser, message.name ?? "user");
      for (const part of message.content) writePart(part, out);
      break;
    case "assistant":
      out.header(token.imAssistant, message.name ?? "assistant");
      writeReply(message, out);
      break;
    case "tool":
      out.header(token.imSystem, message.toolName);
      out.text(`## Return of ${message.callId}\n${message.output}`);
      break;
    default:
      message satisfies never;
  }
  out.control(token.imEnd);
}

/** Thinking is left out: K2-Instruct's template has no place for it. */
function writeReply(message: AssistantMessage, out: PieceList): void {
  for (const part of message.content) if (part.type === "text") out.text(part.text);
  const calls = toolCallsOf(message);
  if (calls.length === 0) return;
  out.control(token.sectionBegin);
  for (const call of calls) {
    out.control(token.callBegin);
    out.text(call.id);
    out.control(token.argumentBegin);
    out.text(call.arguments);
    out.control(token.callEnd);
  }
  out.control(token.sectionEnd);
}

function writePart(part: TextPart | ImagePart, out: PieceList): void {
  if (part.type === "text") return out.text(part.text);
  // `media_start` is the template's own spelling; the vocabulary has `media_begin`.
  out.control("<|media_start|>");
  out.text("image");
  out.control("<|media_content|>");
  out.control("<|media_pad|>");
  out.control("<|media_end|>");
}

/** Pieces in order; neighbouring texts are one piece, as the tokenizer must see them. */
class PieceList {
  readonly pieces: PromptPiece[] = [];

  header(opening: string, name: string): void {
    this.control(opening);
    this.text(name);
    this.control(token.imMiddle);
  }

  control(controlToken: string): void {
    this.pieces.push({ type: "control", token: controlToken });
  }

  text(text: string): void {
    if (text === "") return;
    const last = this.pieces.at(-1);
    if (last?.type === "text")
      this.pieces[this.pieces.length - 1] = { type: "text", text: last.text + text };
    else this.pieces.push({ type: "text", text });
  }
}
