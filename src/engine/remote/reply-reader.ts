import type { EngineEvent, EngineRequest, FinishReason, Usage } from "../engine.ts";
import { CallCounter } from "../kimi/call-ids.ts";
import { LeakReader } from "../kimi/leak-reader.ts";
import { ChatCalls, type CallDelta } from "./chat-calls.ts";
import type { Endpoint } from "./endpoint.ts";
import { readEvents } from "./event-stream.ts";

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

export interface ReplyToRead<Event> {
  readonly endpoint: Endpoint;
  readonly request: EngineRequest;
  /** What one event of the protocol means. */
  readonly read: (reader: ReplyReader, event: Event) => EngineEvent[];
}

/** An engine's events from the body of a reply; the protocol only says how to read an event of its own. */
export async function* readReply<Event>(
  body: AsyncIterable<Buffer>,
  { endpoint, request, read }: ReplyToRead<Event>,
): AsyncGenerator<EngineEvent, void> {
  const { baseUrl, timers } = endpoint;
  const reader = new ReplyReader(request);
  const isComplete = (): boolean => reader.isComplete;
  for await (const events of readEvents(body, {
    baseUrl,
    silenceMs: timers.firstTokenMs,
    isComplete,
  })) {
    const meant = (events as Event[]).flatMap((event) => read(reader, event));
    for (const event of joinDeltas(meant)) yield event;
  }
  yield* reader.end();
}

/** Neighbouring pieces of text as one: what came in one packet is one event, not one a token. */
function joinDeltas(events: readonly EngineEvent[]): EngineEvent[] {
  const joined: EngineEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    if (event.type === "text-delta" && last?.type === "text-delta") {
      joined[joined.length - 1] = { type: "text-delta", text: last.text + event.text };
    } else joined.push(event);
  }
  return joined;
}
