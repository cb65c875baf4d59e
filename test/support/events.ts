import type { EngineEvent } from "../../src/engine/engine.ts";
import type { ToolCall } from "../../src/message.ts";

export async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** What an engine said, its deltas joined. */
export function said(events: readonly { readonly type: string }[]): {
  readonly text: string;
  readonly thinking: string;
  readonly calls: readonly ToolCall[];
} {
  const all = events as readonly EngineEvent[];
  const joined = (type: "text-delta" | "thinking-delta"): string =>
    all.map((event) => (event.type === type ? event.text : "")).join("");
  return {
    text: joined("text-delta"),
    thinking: joined("thinking-delta"),
    calls: all.flatMap((event) => (event.type === "tool-call" ? [event.call] : [])),
  };
}

/** Whether a text model's reply has no control tokens in it but the last: each token is a text of its own. */
export function isAllWords(events: readonly EngineEvent[]): boolean {
  const finish = events.at(-1);
  if (finish?.type !== "finish") return false;
  const ended = finish.reason === "stop" ? 1 : 0;
  const texts = events.filter(({ type }) => type === "text-delta").length;
  return texts + ended === finish.usage.outputTokens;
}
