import { applyCompaction } from "../agent/compaction.ts";
import type { Usage } from "../engine/engine.ts";
import type { Message } from "../message.ts";
import { repairConversation } from "./repair.ts";
import { readSessionFile } from "./session-file.ts";

export interface SessionInfo {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly folder: string;
  readonly model: string;
}

/** What a session's records add up to. */
export interface SessionState {
  readonly info: SessionInfo | undefined;
  readonly system: string;
  /** What the model sees, without the system prompt. */
  readonly messages: readonly Message[];
  /** All that was said, also before a compaction; not what was undone. */
  readonly transcript: readonly Message[];
  readonly usage: Usage;
  /** What was damaged and how it was mended, a sentence each. */
  readonly repairs: readonly string[];
}

export const emptyState: SessionState = {
  info: undefined,
  system: "",
  messages: [],
  transcript: [],
  usage: { inputTokens: 0, outputTokens: 0 },
  repairs: [],
};

/** Reads a session without opening it for writing. @throws KimiError when it can't be read. */
export function loadSession(path: string): SessionState {
  const { records, badLines } = readSessionFile(path);
  let info: SessionInfo | undefined;
  let system = "";
  let messages: Message[] = [];
  let transcript: Message[] = [];
  let usage: Usage = emptyState.usage;
  for (const record of records) {
    switch (record.type) {
      case "session": {
        const { id, createdAt, folder, model } = record;
        info = { id, createdAt, folder, model };
        break;
      }
      case "system":
        system = record.text;
        break;
      case "message":
        messages.push(record.message);
        transcript.push(record.message);
        break;
      case "usage":
        usage = sumOf(usage, record.usage);
        break;
      case "compaction":
        // What a kill left open was answered before the compaction saw it.
        messages = [...applyCompaction(repairConversation(messages).messages, record.compaction)];
        break;
      case "undo":
        messages = withoutLast(messages, record.count);
        transcript = withoutLast(transcript, record.count);
        break;
      case "clear":
        messages = [];
        break;
      default:
        record satisfies never;
    }
  }
  const mended = repairConversation(messages);
  const repairs = [...badLinesOf(badLines), ...conversationRepairs(mended)];
  return {
    info,
    system,
    messages: mended.messages,
    transcript: repairConversation(transcript).messages,
    usage,
    repairs,
  };
}

/** What a kill left open was answered before, and counts. */
export function withoutLast(messages: readonly Message[], count: number): Message[] {
  const all = repairConversation(messages).messages;
  return all.slice(0, Math.max(0, all.length - count));
}

function badLinesOf(lines: readonly number[]): string[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(0, 5).join(", ") + (lines.length > 5 ? ", …" : "");
  return [`left out ${lines.length === 1 ? "line" : "lines"} ${shown}, which can't be read`];
}

function conversationRepairs(mended: { answered: number; dropped: number }): string[] {
  const calls = (count: number): string => (count === 1 ? "1 call" : `${count} calls`);
  const answers = (count: number): string => (count === 1 ? "1 answer" : `${count} answers`);
  return [
    ...(mended.answered > 0 ? [`answered ${calls(mended.answered)} "interrupted"`] : []),
    ...(mended.dropped > 0 ? [`left out ${answers(mended.dropped)} without a call`] : []),
  ];
}

export function sumOf(a: Usage, b: Usage): Usage {
  const cachedTokens = (a.cachedTokens ?? 0) + (b.cachedTokens ?? 0);
  const inputTokens = a.inputTokens + b.inputTokens;
  const outputTokens = a.outputTokens + b.outputTokens;
  const isKnown = a.cachedTokens !== undefined || b.cachedTokens !== undefined;
  return isKnown ? { inputTokens, outputTokens, cachedTokens } : { inputTokens, outputTokens };
}
