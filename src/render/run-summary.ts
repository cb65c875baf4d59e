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
  readonly #names = new Map<string, string>();
  readonly #deniedTools = new Set<string>();

  /** Whether a call was denied and none of its tool succeeded later: the task may not be done. */
  get denied(): boolean {
    return this.#deniedTools.size > 0;
  }

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
        this.#names.set(event.call.id, event.call.name);
        break;
      case "tool-end": {
        const name = this.#names.get(event.callId) ?? event.callId;
        if (event.outcome === "denied") this.#deniedTools.add(name);
        if (event.outcome === "ok") this.#deniedTools.delete(name);
        break;
      }
      case "finish":
        this.#addUsage(event.usage);
        break;
      case "message":
        if (event.message.role === "assistant") this.answer = textOf(event.message);
        break;
      case "progress":
      case "notice":
      case "tool-start":
      case "tool-output":
      case "compaction-start":
      case "compaction-end":
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
