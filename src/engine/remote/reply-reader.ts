import type { EngineEvent, EngineRequest, FinishReason, Usage } from "../engine.ts";
import { CallCounter } from "../kimi/call-ids.ts";
import { LeakReader } from "../kimi/leak-reader.ts";
import { ChatCalls, type CallDelta } from "./chat-calls.ts";

/** Turns what a message protocol sends, piece by piece, into an engine's events. */
export class ReplyReader {
  readonly #leaks: LeakReader;
  readonly #calls: ChatCalls;
  #calledTools = false;
  #finish: Exclude<FinishReason, "tool-calls"> | undefined;
  usage: Usage = { inputTokens: 0, outputTokens: 0 };

  constructor({ messages, tools }: EngineRequest) {
    const counter = new CallCounter(messages);
    this.#leaks = new LeakReader({ tools, counter });
    this.#calls = new ChatCalls(counter);
  }

  get isComplete(): boolean {
    return this.#finish !== undefined;
  }

  content(text: string): EngineEvent[] {
    return this.#noting(this.#leaks.content(text));
  }

  thinking(text: string): EngineEvent[] {
    return this.#noting(this.#leaks.thinking(text));
  }

  call(delta: CallDelta): EngineEvent[] {
    return this.#calls.push(delta);
  }

  /** The server says that the reply is complete, and why. */
  finish(reason: Exclude<FinishReason, "tool-calls">): void {
    this.#finish = reason;
  }

  /** What was held back, the calls, and `finish`. */
  end(): EngineEvent[] {
    const reason = this.#finish === "length" ? "length" : "stop";
    const calls = this.#calls.end(reason).map((call): EngineEvent => ({ type: "tool-call", call }));
    const events = this.#noting([...this.#leaks.end(reason), ...calls]);
    const finish = this.#calledTools ? "tool-calls" : (this.#finish ?? "stop");
    return [...events, { type: "finish", reason: finish, usage: this.usage }];
  }

  #noting(events: EngineEvent[]): EngineEvent[] {
    this.#calledTools ||= events.some(({ type }) => type === "tool-call");
    return events;
  }
}

/** Neighbouring pieces of text as one: what came in one packet is one event, not one a token. */
export function joinDeltas(events: readonly EngineEvent[]): EngineEvent[] {
  const joined: EngineEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    if (event.type === "text-delta" && last?.type === "text-delta") {
      joined[joined.length - 1] = { type: "text-delta", text: last.text + event.text };
    } else joined.push(event);
  }
  return joined;
}
