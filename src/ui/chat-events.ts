/** What the agent's events make of the state. Pure. */
import type { AgentEvent, EndReason } from "../agent/events.ts";
import type { ProgressEvent, Usage } from "../engine/engine.ts";
import { textOf, type Message } from "../message.ts";
import type { ChatState, LiveCall, Print, Working } from "./chat-state.ts";

/** Characters of a call's output that are kept to be shown while it runs. */
const liveOutput = 2_000;

export function reduceEvent(state: ChatState, event: AgentEvent, at: number): ChatState {
  switch (event.type) {
    case "turn-start":
      return { ...state, working: newWork(state.working?.startedAt ?? at, "asking") };
    case "progress":
      return withWork(
        state,
        { progress: event.phase === "retry" ? undefined : event },
        retryOf(event),
      );
    case "notice":
      return print(state, event);
    case "thinking-delta": {
      if (event.text === "") return state; // a signature alone
      const { text = "", startedAt = at } = state.thinking ?? {};
      const thinking = { text: text + event.text, startedAt };
      return { ...tokenCame(endText(state), event.text, at), thinking };
    }
    case "text-delta": {
      const said = print(endThinking(tokenCame(state, event.text, at), at), {
        type: "text",
        text: event.text,
      });
      return { ...said, isAnswering: true };
    }
    case "tool-call-delta":
      return writingCall(endReply(tokenCame(state, event.text, at), at), event);
    case "tool-call":
      return withWork(endReply(state, at), { writing: undefined });
    case "finish":
      return finish(endReply(state, at), event.usage, at);
    case "tool-start":
      return startCall(state, event, at);
    case "tool-output":
      return changeCall(state, event.callId, (call) => ({
        ...call,
        output: (call.output + event.text).slice(-liveOutput),
      }));
    case "tool-end": {
      const { outcome, durationMs, display } = event;
      const ended = { outcome, durationMs, ...(display ? { display } : {}) };
      return changeCall(state, event.callId, (call) => ({ ...call, ended }));
    }
    case "message":
      return joined(endReply(state, at), event.message);
    case "compaction-start":
      return withWork(state, {}, undefined, "compacting");
    case "compaction-end": {
      const text =
        event.compaction.summary === undefined
          ? "to make room, long outputs are left out for the model"
          : "to make room, what was said before is summed up for the model";
      const shown = print(state, { type: "notice", level: "info", text });
      return withWork({ ...shown, contextTokens: 0 }, {}, undefined, "asking");
    }
    case "end":
      return endReason(endReply(state, at), event.reason);
    default:
      return event satisfies never;
  }
}

export function newWork(startedAt: number, what: Working["what"]): Working {
  return {
    startedAt,
    what,
    progress: undefined,
    writing: undefined,
    firstTokenAt: undefined,
    characters: 0,
  };
}

/** Pieces of an answer that nobody has printed yet are one. */
export function print(state: ChatState, printed: Print): ChatState {
  const last = state.prints.at(-1);
  const joined =
    printed.type === "text" && last?.type === "text"
      ? [...state.prints.slice(0, -1), { ...printed, text: last.text + printed.text }]
      : [...state.prints, printed];
  return { ...state, prints: joined };
}

function withWork(
  state: ChatState,
  change: Partial<Working>,
  printed?: Print,
  what?: Working["what"],
): ChatState {
  const { working } = state;
  if (!working) return state;
  const changed = { ...state, working: { ...working, ...change, what: what ?? working.what } };
  return printed ? print(changed, printed) : changed;
}

function retryOf(event: ProgressEvent): Print | undefined {
  if (event.phase !== "retry") return undefined;
  const text = `${event.detail ?? "trying again"} (${event.done} of ${event.total})`;
  return { type: "notice", level: "warning", text };
}

function tokenCame(state: ChatState, text: string, at: number): ChatState {
  const { working } = state;
  if (!working) return state;
  const { firstTokenAt = at, characters } = working;
  const change = { firstTokenAt, characters: characters + text.length, progress: undefined };
  return { ...state, working: { ...working, ...change } };
}

function endThinking(state: ChatState, at: number): ChatState {
  const { thinking } = state;
  if (!thinking) return state;
  const durationMs = at - thinking.startedAt;
  if (thinking.text.trim() === "") return { ...state, thinking: undefined };
  const printed = print(state, { type: "thinking", text: thinking.text, durationMs });
  return { ...printed, thinking: undefined };
}

export function endText(state: ChatState): ChatState {
  return state.isAnswering ? { ...print(state, { type: "text-end" }), isAnswering: false } : state;
}

/** What streams is whole, or was interrupted: nothing is printed in its middle. */
function endReply(state: ChatState, at: number): ChatState {
  return endText(endThinking(state, at));
}

function writingCall(
  state: ChatState,
  { name, text }: { readonly name: string; readonly text: string },
): ChatState {
  const before = state.working?.writing;
  const characters = (before?.name === name ? before.characters : 0) + text.length;
  return withWork(state, { writing: { name, characters } });
}

function finish(state: ChatState, usage: Usage, at: number): ChatState {
  const seconds = (at - (state.working?.firstTokenAt ?? at)) / 1000;
  const tokensPerSecond = seconds > 0.05 ? usage.outputTokens / seconds : state.tokensPerSecond;
  const cachedTokens = (state.usage.cachedTokens ?? 0) + (usage.cachedTokens ?? 0);
  return {
    ...withWork(state, { characters: 0, writing: undefined, progress: undefined }),
    tokensPerSecond,
    contextTokens: usage.inputTokens + usage.outputTokens,
    usage: {
      inputTokens: state.usage.inputTokens + usage.inputTokens,
      outputTokens: state.usage.outputTokens + usage.outputTokens,
      ...(cachedTokens > 0 ? { cachedTokens } : {}),
    },
  };
}

function startCall(
  state: ChatState,
  { callId, summary }: { readonly callId: string; readonly summary: string },
  at: number,
): ChatState {
  const call: LiveCall = { id: callId, name: "", summary, startedAt: at, output: "" };
  return { ...state, calls: [...state.calls.filter(({ id }) => id !== callId), call] };
}

function changeCall(
  state: ChatState,
  callId: string,
  change: (call: LiveCall) => LiveCall,
): ChatState {
  return { ...state, calls: state.calls.map((call) => (call.id === callId ? change(call) : call)) };
}

/** An answer of a tool is printed when it joins the conversation: in the order of the calls. */
function joined(state: ChatState, message: Message): ChatState {
  if (message.role !== "tool") return state; // what was said is on the screen already
  const call = state.calls.find(({ id }) => id === message.callId);
  const calls = state.calls.filter(({ id }) => id !== message.callId);
  const { outcome = message.isError ? "error" : "ok", durationMs, display } = call?.ended ?? {};
  return print(
    { ...state, calls },
    {
      type: "tool",
      name: message.toolName,
      summary: call?.summary ?? message.toolName,
      outcome,
      durationMs,
      display: display ?? { type: "text", text: textOf(message) },
    },
  );
}

const stopped: Readonly<Partial<Record<EndReason, string>>> = {
  length: "the reply reached its token limit",
  filtered: "the server's content filter ended the reply",
  "turn-limit": "the limit of turns is reached; say “go on” to go on",
  loop: "stopped: the model repeats the same call with the same result",
  interrupted: "interrupted",
};

function endReason(state: ChatState, reason: EndReason): ChatState {
  const text = stopped[reason];
  return text === undefined ? state : print(state, { type: "notice", level: "warning", text });
}
