import type { ToolCall } from "../../message.ts";
import type { EngineEvent } from "../engine.ts";
import type { PromptPiece } from "../text-engine.ts";
import { imEnd } from "./control-tokens.ts";
import { MarkerScanner } from "./marker-scanner.ts";
import { OutputParser, type OutputParserOptions } from "./output-parser.ts";

/**
 * Reads what a server calls content and reasoning, in either of which it may have left K2's markers
 * unparsed: those become tool calls, the content's before the reasoning's (k2-facts §3.7).
 */
export class LeakReader {
  readonly #content: Channel;
  readonly #thinking: Channel;

  constructor(options: OutputParserOptions) {
    this.#content = new Channel(options);
    this.#thinking = new Channel(options);
  }

  content(text: string): EngineEvent[] {
    return this.#content.push(text);
  }

  thinking(text: string): EngineEvent[] {
    return asThinking(this.#thinking.push(text));
  }

  end(reason: "stop" | "length"): EngineEvent[] {
    return [...asThinking(this.#thinking.end(reason)), ...this.#content.end(reason)];
  }

  /** What was found, complete after `end`. */
  get calls(): readonly ToolCall[] {
    return this.#content.calls.length > 0 ? this.#content.calls : this.#thinking.calls;
  }
}

function asThinking(events: readonly EngineEvent[]): EngineEvent[] {
  return events.map((event) =>
    event.type === "text-delta" ? { type: "thinking-delta", text: event.text } : event,
  );
}

class Channel {
  readonly #scanner = new MarkerScanner();
  readonly #parser: OutputParser;
  readonly calls: ToolCall[] = [];
  /** Tokens that end a reply, spelled in its text: the end if nothing follows, else a quotation. */
  #ends = "";

  constructor(options: OutputParserOptions) {
    this.#parser = new OutputParser(options);
  }

  push(text: string): EngineEvent[] {
    return this.#scanner.push(text).flatMap((piece) => this.#parse(piece));
  }

  end(reason: "stop" | "length"): EngineEvent[] {
    const rest = this.#scanner.end().flatMap((piece) => this.#parse(piece));
    return [...rest, ...this.#keepCalls(this.#parser.end(reason))];
  }

  #parse(piece: PromptPiece): EngineEvent[] {
    if (piece.type === "control" && (piece.token === imEnd || piece.token.startsWith("["))) {
      this.#ends += piece.token;
      return [];
    }
    const quoted = this.#ends;
    this.#ends = "";
    const before = quoted === "" ? [] : this.#parser.push({ type: "text", text: quoted });
    return this.#keepCalls([...before, ...this.#parser.push(piece)]);
  }

  #keepCalls(events: readonly EngineEvent[]): EngineEvent[] {
    return events.filter((event) => {
      if (event.type === "tool-call") this.calls.push(event.call);
      return event.type !== "tool-call";
    });
  }
}
