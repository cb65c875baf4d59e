import type { Message, ToolCall, ToolSpec } from "../message.ts";

/** How to choose the next token. What is left out is the model's or the server's own choice. */
export interface Sampling {
  /** 0 is greedy. */
  readonly temperature?: number;
  /** Of the probability mass, 0 to 1. */
  readonly topP?: number;
  /** Number of tokens considered; 0 means all. */
  readonly topK?: number;
  /** Relative to the likeliest token, 0 to 1. */
  readonly minP?: number;
  readonly seed?: number;
  /** Most tokens of one reply. */
  readonly maxTokens?: number;
}

/** Token counts of one request. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of the input, what the engine still had in its KV cache. */
  readonly cachedTokens?: number;
}

export interface ProgressEvent {
  readonly type: "progress";
  readonly phase: "load" | "prefill" | "retry";
  /** Bytes (load), tokens (prefill), attempts (retry). */
  readonly done: number;
  readonly total: number;
  /** What a person wants to know about it: why a request is tried again, and when. */
  readonly detail?: string;
}

/** What a person should know of the engine: what was chosen, what does not work as it should. */
export interface NoticeEvent {
  readonly type: "notice";
  readonly level: "info" | "warning";
  readonly text: string;
}

export type FinishReason = "stop" | "tool-calls" | "length" | "filtered";

export type EngineEvent =
  | ProgressEvent
  | NoticeEvent
  | { readonly type: "thinking-delta"; readonly text: string; readonly signature?: string }
  | { readonly type: "text-delta"; readonly text: string }
  /** A piece of a call's arguments, to show; `tool-call` brings the call itself. */
  | {
      readonly type: "tool-call-delta";
      readonly id: string;
      readonly name: string;
      readonly text: string;
    }
  | { readonly type: "tool-call"; readonly call: ToolCall }
  | { readonly type: "finish"; readonly reason: FinishReason; readonly usage: Usage };

export interface EngineRequest {
  readonly messages: readonly Message[];
  readonly tools: readonly ToolSpec[];
  readonly sampling: Sampling;
  readonly signal: AbortSignal;
}

/** Anything that can continue a conversation. */
export interface Engine {
  readonly name: string;
  /** Tokens; 0 where the server does not say. */
  readonly contextWindow: number;
  /**
   * Yields deltas and whole tool calls, then exactly one `finish`, last.
   * Throws `KimiError`; when aborted, `signal.reason`; nothing else.
   */
  generate(request: EngineRequest): AsyncIterable<EngineEvent>;
  close(): Promise<void>;
}
