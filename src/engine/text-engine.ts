import type {
  Engine,
  EngineEvent,
  EngineRequest,
  NoticeEvent,
  ProgressEvent,
  Sampling,
  Usage,
} from "./engine.ts";

/** Control tokens are another type than text, so that no text can pass for one. */
export type PromptPiece =
  | { readonly type: "text"; readonly text: string }
  /** `spelled`: found by its spelling in a raw text, where a quotation looks the same. */
  | { readonly type: "control"; readonly token: string; readonly spelled?: true };

export type Prompt = readonly PromptPiece[];

export type TextEvent =
  | ProgressEvent
  | NoticeEvent
  /** Text in which nothing is a control token, whatever it spells. */
  | { readonly type: "text"; readonly text: string }
  /** A control token, known by its id. */
  | { readonly type: "control"; readonly token: string }
  /** Text in which control tokens are spelled out, as a raw completions endpoint sends it. */
  | { readonly type: "raw-text"; readonly text: string }
  | { readonly type: "finish"; readonly reason: "stop" | "length"; readonly usage: Usage };

/**
 * What a reply may go on with, for models whose tokens are chosen here. Never changes; `undefined`
 * is what may not follow.
 */
export interface ReplyState {
  nextByte(byte: number): ReplyState | undefined;
  nextControl(token: string): ReplyState | undefined;
}

export interface TextRequest {
  readonly prompt: Prompt;
  /** Control tokens that end the reply. */
  readonly stop: readonly string[];
  /** The state before the reply; left out, a reply may be anything. Servers constrain replies themselves. */
  readonly constraint?: ReplyState;
  readonly sampling: Sampling;
  readonly signal: AbortSignal;
}

/** A model that continues text: llama.cpp here, or a raw completions endpoint. */
export interface TextModel {
  readonly name: string;
  /** Tokens; 0 where the server does not say. */
  readonly contextWindow: number;
  /** Yields text, then exactly one `finish`, last. Throws as `Engine.generate` does. */
  complete(request: TextRequest): AsyncIterable<TextEvent>;
  close(): Promise<void>;
}

/** How a family of models writes a conversation as text, and how to read its replies. */
export interface Dialect {
  write(request: Pick<EngineRequest, "messages" | "tools">): {
    readonly prompt: Prompt;
    readonly stop: readonly string[];
    readonly constraint?: ReplyState;
    read(output: AsyncIterable<TextEvent>): AsyncIterable<EngineEvent>;
  };
}

export function textEngine(model: TextModel, dialect: Dialect): Engine {
  return {
    name: model.name,
    get contextWindow() {
      return model.contextWindow; // known once the model is loaded
    },
    generate({ messages, tools, sampling, signal }) {
      const written = dialect.write({ messages, tools });
      const { prompt, stop, constraint } = written;
      const request = { prompt, stop, sampling, signal, ...(constraint ? { constraint } : {}) };
      return written.read(model.complete(request));
    },
    close: () => model.close(),
  };
}
