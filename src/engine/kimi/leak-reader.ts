import type { EngineEvent } from "../engine.ts";
import { MarkerScanner } from "./marker-scanner.ts";
import { OutputParser, type OutputParserOptions } from "./output-parser.ts";

/**
 * Reads what a server calls content and reasoning, in either of which it may have left K2's markers
 * unparsed: those become tool calls (k2-facts §3.7).
 */
export class LeakReader {
  readonly #content: Channel;
  readonly #thinking: Channel;

  constructor(options: OutputParserOptions) {
    this.#content = new Channel(options, (event) => event);
    this.#thinking = new Channel(options, (event) =>
      event.type === "text-delta" ? { type: "thinking-delta", text: event.text } : event,
    );
  }

  content(text: string): EngineEvent[] {
    return this.#content.push(text);
  }

  thinking(text: string): EngineEvent[] {
    return this.#thinking.push(text);
  }

  end(reason: "stop" | "length"): EngineEvent[] {
    return [...this.#thinking.end(reason), ...this.#content.end(reason)];
  }
}

class Channel {
  readonly #scanner = new MarkerScanner({ ends: false });
  readonly #parser: OutputParser;
  readonly #convert: (event: EngineEvent) => EngineEvent;

  constructor(options: OutputParserOptions, convert: (event: EngineEvent) => EngineEvent) {
    this.#parser = new OutputParser(options);
    this.#convert = convert;
  }

  push(text: string): EngineEvent[] {
    return this.#scanner
      .push(text)
      .flatMap((piece) => this.#parser.push(piece))
      .map(this.#convert);
  }

  end(reason: "stop" | "length"): EngineEvent[] {
    const rest = this.#scanner.end().flatMap((piece) => this.#parser.push(piece));
    return [...rest, ...this.#parser.end(reason)].map(this.#convert);
  }
}
