import type { EngineEvent } from "../engine/engine.ts";
import type { Message } from "../message.ts";
import type { ToolDisplay } from "./tool.ts";

export type ToolOutcome = "ok" | "error" | "denied" | "interrupted";

export type EndReason = "done" | "length" | "filtered" | "turn-limit" | "loop" | "interrupted";

/** Everything that happens in a run. Plain data: printed, stored and replayed as it is. */
export type AgentEvent =
  | EngineEvent
  /** Turns count from 1: one request to the model and the calls it makes. */
  | { readonly type: "turn-start"; readonly turn: number }
  | { readonly type: "tool-start"; readonly callId: string; readonly summary: string }
  | { readonly type: "tool-output"; readonly callId: string; readonly text: string }
  | {
      readonly type: "tool-end";
      readonly callId: string;
      readonly outcome: ToolOutcome;
      readonly durationMs: number;
      readonly display?: ToolDisplay;
    }
  /** Joins the conversation; the messages are all that a session stores. */
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "end"; readonly reason: EndReason };
