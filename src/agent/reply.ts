import type { EngineEvent } from "../engine/engine.ts";
import type { AssistantMessage, TextPart, ThinkingPart, ToolCall } from "../message.ts";

/** Folds an engine's events into the message they are the parts of: the one place that does. */
export class Reply {
  readonly #parts: (ThinkingPart | TextPart | ToolCall)[] = [];

  add(event: EngineEvent): void {
    switch (event.type) {
      case "text-delta":
        this.#append({ type: "text", text: event.text });
        break;
      case "thinking-delta": {
        const { signature } = event;
        this.#append({
          type: "thinking",
          text: event.text,
          ...(signature === undefined ? {} : { signature }),
        });
        break;
      }
      case "tool-call":
        this.#parts.push(event.call);
        break;
      case "progress":
      case "notice":
      case "tool-call-delta":
      case "finish":
        break;
      default:
        event satisfies never;
    }
  }

  /** `undefined` when nothing was said: an empty reply is no message. */
  message(): AssistantMessage | undefined {
    const said = this.#parts.some((part) => part.type !== "thinking");
    return said ? { role: "assistant", content: [...this.#parts] } : undefined;
  }

  #append(part: ThinkingPart | TextPart): void {
    const last = this.#parts.at(-1);
    const isSigned = last?.type === "thinking" && last.signature !== undefined;
    if (last?.type === part.type && !isSigned) {
      this.#parts[this.#parts.length - 1] = { ...last, ...part, text: last.text + part.text };
    } else this.#parts.push(part);
  }
}
