import type { AgentEvent } from "../agent/events.ts";
import type { Usage } from "../engine/engine.ts";
import { textOf } from "../message.ts";

/** Adds up a run's events. */
export class RunSummary {
  readonly #startedAt: number;
  turns = 0;
  toolCalls = 0;
  answer = "";
  usage: Usage = { inputTokens: 0, outputTokens: 0 };
  #firstTokenMs: number | undefined;

  /** `startedAt`: of `performance.now()`. */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  add(event: AgentEvent): void {
    switch (event.type) {
      case "turn-start":
        this.turns = event.turn;
        this.answer = "";
        break;
      case "text-delta":
        this.answer += event.text;
        this.#tokenCame();
        break;
      case "thinking-delta":
      case "tool-call-delta":
        this.#tokenCame();
        break;
      case "tool-call":
        this.toolCalls++;
        break;
      case "finish":
        this.#addUsage(event.usage);
        break;
      case "message":
        if (event.message.role === "assistant") this.answer = textOf(event.message);
        break;
      case "progress":
      case "tool-start":
      case "tool-output":
      case "tool-end":
      case "end":
        break;
      default:
        event satisfies never;
    }
  }

  timing(): { readonly totalMs: number; readonly firstTokenMs?: number } {
    const totalMs = Math.round(performance.now() - this.#startedAt);
    return this.#firstTokenMs === undefined
      ? { totalMs }
      : { totalMs, firstTokenMs: this.#firstTokenMs };
  }

  #tokenCame(): void {
    this.#firstTokenMs ??= Math.round(performance.now() - this.#startedAt);
  }

  #addUsage(usage: Usage): void {
    const cachedTokens = (this.usage.cachedTokens ?? 0) + (usage.cachedTokens ?? 0);
    this.usage = {
      inputTokens: this.usage.inputTokens + usage.inputTokens,
      outputTokens: this.usage.outputTokens + usage.outputTokens,
      ...(usage.cachedTokens === undefined && this.usage.cachedTokens === undefined
        ? {}
        : { cachedTokens }),
    };
  }
}
