/** What the terminal program shows, as plain data: the reducer is pure, printing and asking happen elsewhere. */
import type { ApprovalRequest } from "../agent/approval.ts";
import type { AgentEvent, ToolOutcome } from "../agent/events.ts";
import type { ToolDisplay } from "../agent/tool.ts";
import type { ProgressEvent, Usage } from "../engine/engine.ts";
import { endText, newWork, print, reduceEvent } from "./chat-events.ts";

/** Something to print into the scrollback, once, in order. */
export type Print =
  | { readonly type: "user"; readonly text: string; readonly isSteering: boolean }
  /** A piece of the answer, and where it ends. */
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "text-end" }
  | { readonly type: "thinking"; readonly text: string; readonly durationMs: number }
  | ({ readonly type: "tool" } & FinishedCall)
  | { readonly type: "notice"; readonly level: "info" | "warning" | "error"; readonly text: string }
  /** Lines that are ready, of a command for one; styled by who printed them. */
  | { readonly type: "lines"; readonly lines: readonly string[] };

export interface FinishedCall {
  readonly name: string;
  readonly summary: string;
  readonly outcome: ToolOutcome;
  /** Not known of an earlier conversation. */
  readonly durationMs: number | undefined;
  /** What the person sees: the tool's display, else its output. */
  readonly display: ToolDisplay;
}

export interface LiveCall {
  readonly id: string;
  readonly name: string;
  readonly summary: string;
  /** Milliseconds, of the clock that actions carry. */
  readonly startedAt: number;
  /** The end of what it has printed. */
  readonly output: string;
  readonly ended?: {
    readonly outcome: ToolOutcome;
    readonly durationMs: number;
    readonly display?: ToolDisplay;
  };
}

export interface Question extends ApprovalRequest {
  readonly rule: string;
}

export interface ChatState {
  /** `undefined` while nothing is being done. */
  readonly working: Working | undefined;
  readonly calls: readonly LiveCall[];
  /** Thinking that goes on. */
  readonly thinking: { readonly text: string; readonly startedAt: number } | undefined;
  /** Whether a reply's text has begun and not ended. */
  readonly isAnswering: boolean;
  /** What is to be said after this run, and after this step. */
  readonly queued: readonly string[];
  readonly steering: readonly string[];
  readonly question: Question | undefined;
  readonly prints: readonly Print[];
  /** Of the last request: what the context holds now. */
  readonly contextTokens: number;
  /** Of the whole conversation. */
  readonly usage: Usage;
  /** Of the last reply. */
  readonly tokensPerSecond: number | undefined;
}

/** A run that goes on. */
export interface Working {
  readonly startedAt: number;
  readonly what: "asking" | "compacting" | "opening" | "command";
  readonly progress: ProgressEvent | undefined;
  /** A call that is being written: its name and the characters so far. */
  readonly writing: { readonly name: string; readonly characters: number } | undefined;
  /** Of the reply that streams: when its first token came, and its characters so far. */
  readonly firstTokenAt: number | undefined;
  readonly characters: number;
}

export type ChatAction =
  | { readonly type: "run-start"; readonly at: number; readonly what: Working["what"] }
  | { readonly type: "agent"; readonly at: number; readonly event: AgentEvent }
  /** The run is over, however it ended. */
  | {
      readonly type: "run-end";
      readonly error?: { readonly message: string; readonly hint?: string };
    }
  | { readonly type: "said"; readonly text: string }
  | { readonly type: "queue"; readonly text: string }
  | { readonly type: "steer"; readonly text: string }
  /** The agent took what was steered. */
  | { readonly type: "steering-taken" }
  | { readonly type: "next-taken" }
  /** Queued and steered text goes back to the composer. */
  | { readonly type: "queue-returned" }
  | { readonly type: "question"; readonly question: Question }
  | { readonly type: "answered" }
  | { readonly type: "print"; readonly print: Print }
  | { readonly type: "printed"; readonly count: number }
  | { readonly type: "usage"; readonly usage: Usage; readonly contextTokens: number };

export const initialState: ChatState = {
  working: undefined,
  calls: [],
  thinking: undefined,
  isAnswering: false,
  queued: [],
  steering: [],
  question: undefined,
  prints: [],
  contextTokens: 0,
  usage: { inputTokens: 0, outputTokens: 0 },
  tokensPerSecond: undefined,
};

export function reduce(state: ChatState, action: ChatAction): ChatState {
  switch (action.type) {
    case "run-start":
      return { ...state, working: newWork(action.at, action.what) };
    case "agent":
      return reduceEvent(state, action.event, action.at);
    case "run-end":
      return endRun(state, action.error);
    case "said":
      return print(state, { type: "user", text: action.text, isSteering: false });
    case "queue":
      return { ...state, queued: [...state.queued, action.text] };
    case "steer":
      return { ...state, steering: [...state.steering, action.text] };
    case "steering-taken": {
      const prints = state.steering.map((text): Print => ({
        type: "user",
        text,
        isSteering: true,
      }));
      return { ...state, steering: [], prints: [...state.prints, ...prints] };
    }
    case "next-taken":
      return { ...state, queued: state.queued.slice(1) };
    case "queue-returned":
      return { ...state, queued: [], steering: [] };
    case "question":
      return { ...state, question: action.question };
    case "answered":
      return { ...state, question: undefined };
    case "print":
      return print(state, action.print);
    case "printed":
      return { ...state, prints: state.prints.slice(action.count) };
    case "usage":
      return { ...state, usage: action.usage, contextTokens: action.contextTokens };
    default:
      return action satisfies never;
  }
}

function endRun(
  state: ChatState,
  error: { readonly message: string; readonly hint?: string } | undefined,
): ChatState {
  const ended = endText({ ...state, thinking: undefined });
  const queued = [...state.steering, ...state.queued]; // nothing is left to steer
  const over = { working: undefined, calls: [], question: undefined, steering: [], queued };
  const idle = { ...ended, ...over };
  if (!error) return idle;
  const hint = error.hint === undefined ? "" : `\nhint: ${error.hint}`;
  return print(idle, { type: "notice", level: "error", text: error.message + hint });
}
