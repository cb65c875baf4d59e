import type { EngineEvent } from "../engine/engine.ts";
import type { Message } from "../message.ts";
import type { Compaction } from "./compaction.ts";
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
  /** The context is full, and a summary is being written. */
  | { readonly type: "compaction-start"; readonly messages: number }
  /** From here on the model sees less than what was said. */
  | { readonly type: "compaction-end"; readonly compaction: Compaction }
  /** Joins the conversation; the messages are all that a session stores. */
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "end"; readonly reason: EndReason };
