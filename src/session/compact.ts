import {
  isPrunable,
  isSummary,
  prunedOutput,
  type Compact,
  type CompactionState,
} from "../agent/compaction.ts";
import { KimiError } from "../errors.ts";
import { textOf, userText, type Message, type ToolMessage } from "../message.ts";

/** Part of the context that is kept for the next reply, and its most tokens. */
const reservedPart = 0.25;
const reservedTokens = 16_384;

/** Part of the context that recent messages, which stay as they are, may take. */
const recentPart = 0.3;

const instruction = `Summarize the conversation so far, so that it can be continued from your summary alone.
Write what the user wants, what was done and decided, what was found out (names, paths, numbers, verbatim where it matters), and what is left to do. Write nothing else.`;

/**
 * Makes room when the context is nearly full or `isNeeded`: long outputs of tools are left out first; if
 * that is not enough, the model sums up all but the recent messages.
 */
export const compactConversation: Compact = async function* (state) {
  const { messages, engine, isNeeded } = state;
  const used = usedTokens(state);
  const window = sizeOfWindow(engine.contextWindow || Number.POSITIVE_INFINITY, { isNeeded, used });
  const limit = window - Math.min(window * reservedPart, reservedTokens);
  if (!isNeeded && used < limit) return undefined;

  const start = startOfRecent(messages, window * recentPart);
  const older = messages.slice(0, start);
  const recent = messages.slice(start);
  // One step alone can be too much, as what a program printed: nobody must be stuck with it.
  const tooLong = isNeeded && tokensOf(recent) > limit ? recent.filter(isPrunable) : [];
  const long = [...older.filter((message) => isPrunableBefore(message, recent)), ...tooLong];
  const pruned = long.map(({ callId }) => callId);
  const saved = tokensOf(long) - tokensOf(long.map(pruneLong));
  if (saved > 0 && used - saved < limit * 0.8) return { kept: messages.length, pruned };
  const said = older.filter((message) => message.role !== "system");
  // What would still be too much is for the engine to judge: it may fit.
  if (!isNeeded && used - tokensOf(older) >= limit) return undefined;
  if (said.every(isSummary))
    return tooLong.length > 0 ? { kept: messages.length, pruned } : undefined;

  yield { type: "compaction-start", messages: said.length };
  const summary = await summarize(older.map(pruneLong), state);
  if (summary === "") return undefined;
  return {
    kept: recent.length,
    summary: withRequest(summary, { older, recent }),
    pruned: tooLong.map(({ callId }) => callId),
  };
};

/** Where an engine refused what we take to be less than its window, our count is wrong: that is its measure. */
function sizeOfWindow(
  contextWindow: number,
  { isNeeded, used }: { readonly isNeeded: boolean; readonly used: number },
): number {
  return isNeeded ? Math.min(contextWindow, used) : contextWindow;
}

/** After a compaction ids of calls come again: what is pruned must not name a recent one, too. */
function isPrunableBefore(message: Message, recent: readonly Message[]): message is ToolMessage {
  return (
    isPrunable(message) &&
    !recent.some((later) => later.role === "tool" && later.callId === message.callId)
  );
}

/** About one token for three and a half bytes of UTF-8, in English and in Chinese. */
export function tokensOf(messages: readonly Message[]): number {
  return messages.reduce(
    (sum, message) => sum + 8 + Buffer.byteLength(wholeText(message)) / 3.5,
    0,
  );
}

function wholeText(message: Message): string {
  if (message.role !== "assistant") return textOf(message);
  return message.content
    .map((part) => (part.type === "tool-call" ? part.id + part.arguments : part.text))
    .join("");
}

function usedTokens({ messages, measured }: CompactionState): number {
  if (!measured) return tokensOf(messages);
  const { inputTokens, outputTokens } = measured.usage;
  return inputTokens + outputTokens + tokensOf(messages.slice(measured.count + 1));
}

/** Where the recent messages begin: never between a call and its answers, and at least the last step. */
function startOfRecent(messages: readonly Message[], budget: number): number {
  let start = messages.length;
  let tokens = 0;
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index];
    if (!message || message.role === "system") break;
    tokens += tokensOf([message]);
    if (tokens > budget && start < messages.length) break;
    if (message.role !== "tool") start = index;
  }
  return start;
}

/** @throws KimiError, and the signal's reason. */
async function summarize(older: readonly Message[], state: CompactionState): Promise<string> {
  const { engine, signal } = state;
  let from = older;
  for (let attempt = 0; ; attempt++) {
    const messages = [...from, userText(instruction)];
    const maxTokens = Math.min(2_048, Math.floor((engine.contextWindow || 8_192) / 8));
    let text = "";
    try {
      const request = { messages, tools: [], sampling: { maxTokens }, signal };
      for await (const event of engine.generate(request)) {
        if (event.type === "text-delta") text += event.text;
      }
      return text.trim();
    } catch (thrown) {
      const isFull = thrown instanceof KimiError && thrown.code === "context-full";
      const half = secondHalf(from);
      if (!isFull || attempt === 4 || half.length === 0) throw thrown;
      from = half;
    }
  }
}

/** No call is parted from its answers; empty if there is nothing to leave out. */
function secondHalf(messages: readonly Message[]): readonly Message[] {
  const middle = Math.ceil(messages.length / 2);
  const next = messages.findIndex(({ role }, index) => index >= middle && role !== "tool");
  const start = next < 0 ? messages.findLastIndex(({ role }) => role !== "tool") : next;
  return start <= 0 ? [] : messages.slice(start);
}

const requestHeading = "\n\nThe user's last request:\n\n";

/** What the user asked last is never only summed up. */
function withRequest(
  summary: string,
  { older, recent }: { readonly older: readonly Message[]; readonly recent: readonly Message[] },
): string {
  if (recent.some(({ role }) => role === "user")) return summary;
  const last = older.findLast(({ role }) => role === "user");
  const request = last === undefined ? "" : requestIn(last);
  return request === "" ? summary : `${summary}${requestHeading}${request.slice(0, 4_000)}`;
}

/** An earlier summary has it at its end. */
function requestIn(message: Message): string {
  const text = textOf(message);
  if (!isSummary(message)) return text;
  const at = text.indexOf(requestHeading);
  return at < 0 ? "" : text.slice(at + requestHeading.length);
}

function pruneLong(message: Message): Message {
  return isPrunable(message) ? { ...message, output: prunedOutput(message.output) } : message;
}
