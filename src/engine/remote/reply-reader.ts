import type { EngineEvent, EngineRequest, FinishReason, Usage } from "../engine.ts";
import { CallCounter } from "../kimi/call-ids.ts";
import { LeakReader } from "../kimi/leak-reader.ts";
import { ChatCalls, type CallDelta } from "./chat-calls.ts";

/** Turns what a message protocol sends, piece by piece, into an engine's events. */
export class ReplyReader {
  readonly #leaks: LeakReader;
  readonly #calls: ChatCalls;
  #finish: Exclude<FinishReason, "tool-calls"> | undefined;
  usage: Usage = { inputTokens: 0, outputTokens: 0 };

  constructor({ messages, tools }: EngineRequest) {
    const options = { tools, counter: new CallCounter(messages) };
    this.#leaks = new LeakReader(options);
    this.#calls = new ChatCalls(options);
  }

  get isComplete(): boolean {
    return this.#finish !== undefined;
  }

  content(text: string): EngineEvent[] {
    return this.#leaks.content(text);
  }

  thinking(text: string): EngineEvent[] {
    return this.#leaks.thinking(text);
  }

  call(delta: CallDelta): EngineEvent[] {
    return this.#calls.push(delta);
  }

  /** The server says that the reply is complete, and why. */
  finish(reason: Exclude<FinishReason, "tool-calls">): void {
    this.#finish = reason;
  }

  /** What was held back, the calls, and `finish`. A server may parse calls and leave them in the text too. */
  end(): EngineEvent[] {
    const reason = this.#finish === "length" ? "length" : "stop";
    const rest = this.#leaks.end(reason);
    const parsed = this.#calls.end(reason);
    const calls = parsed.length > 0 ? parsed : this.#leaks.calls;
    const finish = calls.length > 0 ? "tool-calls" : (this.#finish ?? "stop");
    return [
      ...rest,
      ...calls.map((call): EngineEvent => ({ type: "tool-call", call })),
      { type: "finish", reason: finish, usage: this.usage },
    ];
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
