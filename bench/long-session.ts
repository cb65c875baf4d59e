import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Message } from "../src/message.ts";
import { SessionWriter } from "../src/session/session-file.ts";
import { sessionVersion } from "../src/session/session-records.ts";

const at = "2026-11-25T12:00:00.000Z";

/** Writes a session of so many messages, a fifth of them calls and their results, for programs whose data is in `folder`. */
export function writeLongSession(folder: string, { id, messages }: LongSession): void {
  const sessions = join(folder, "kimi", "sessions");
  mkdirSync(sessions, { recursive: true });
  const writer = new SessionWriter(join(sessions, `${id}.jsonl`), { mustBeNew: true });
  const info = { id, createdAt: at, folder, model: "bench" };
  writer.write({ type: "session", version: sessionVersion, ...info });
  for (let index = 0; index < messages; index++) {
    writer.write({ type: "message", message: messageOf(index), at });
    if (index % 2 === 1) {
      const usage = { inputTokens: 100 + index, outputTokens: 80 };
      writer.write({ type: "usage", usage, model: "bench", at });
    }
  }
  writer.close();
}

export interface LongSession {
  readonly id: string;
  readonly messages: number;
}

/** Of ten messages four are a question, a call, its result and the answer; the others are talk. */
function messageOf(index: number): Message {
  const callId = `call-${Math.floor(index / 10)}`;
  const text = prose(index);
  switch (index % 10) {
    case 1: {
      const path = JSON.stringify({ path: `src/part-${index}.ts` });
      const call = { type: "tool-call", id: callId, name: "read_file", arguments: path } as const;
      return { role: "assistant", content: [{ type: "text", text: "I look at it." }, call] };
    }
    case 2:
      return { role: "tool", callId, toolName: "read_file", output: text, isError: false };
    case 3:
    case 5:
    case 7:
    case 9:
      return { role: "assistant", content: [{ type: "text", text }] };
    default:
      return { role: "user", content: [{ type: "text", text }] };
  }
}

/** About 300 characters, different in each message. */
function prose(index: number): string {
  const sentence = `Part ${index} reads **the file** line by line, and \`count${index}\` tells how many there were. `;
  return sentence.repeat(3) + (index % 4 === 0 ? "\n\n- one\n- two\n" : "");
}
