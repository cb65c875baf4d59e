import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { applyCompaction, type Compaction } from "../agent/compaction.ts";
import type { Usage } from "../engine/engine.ts";
import { KimiError, messageOf } from "../errors.ts";
import type { Message } from "../message.ts";
import { repairConversation } from "./repair.ts";
import { readSessionFile, SessionWriter } from "./session-file.ts";
import { lockSession } from "./session-lock.ts";
import { sessionVersion, type SessionRecord } from "./session-records.ts";

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

/** One conversation: what was said, kept in a file from the first message on. */
export class Session {
  /** `undefined` for one that is not kept. */
  readonly path: string | undefined;
  readonly info: SessionInfo;
  /** Of the file as it was found. */
  readonly repairs: readonly string[];
  #system: string;
  #messages: readonly Message[];
  #transcript: readonly Message[];
  #usage: Usage;
  /** Whether there is no file yet. */
  #isNew = false;
  #lacksHeader: boolean;
  /** The system prompt as the file has it. */
  #storedSystem: string;
  #writer: SessionWriter | undefined;
  #unlock: (() => void) | undefined;

  private constructor(path: string | undefined, info: SessionInfo, state: SessionState) {
    this.path = path;
    this.info = info;
    this.repairs = state.repairs;
    this.#system = state.system;
    this.#messages = state.messages;
    this.#transcript = state.transcript;
    this.#usage = state.usage;
    this.#storedSystem = state.system;
    this.#lacksHeader = state.info === undefined;
  }

  /** A session that has no file before its first message, and never one without a path. */
  static start(path: string | undefined, info: SessionInfo): Session {
    const session = new Session(path, info, emptyState);
    session.#isNew = true;
    return session;
  }

  /**
   * A session from its file, in which only one that `isKept` goes on.
   * @throws KimiError when it is not there, newer than this program, or open in another one.
   */
  static resume(path: string, { id, isKept }: { id: string; isKept: boolean }): Session {
    const unlock = isKept ? lockSession(path, id) : undefined;
    try {
      const state = loadSession(path);
      const unknown = { createdAt: now(), folder: process.cwd(), model: "" };
      const session = new Session(
        isKept ? path : undefined,
        { ...unknown, ...state.info, id },
        state,
      );
      session.#unlock = unlock;
      return session;
    } catch (thrown) {
      unlock?.();
      throw thrown;
    }
  }

  get id(): string {
    return this.info.id;
  }

  get system(): string {
    return this.#system;
  }

  get transcript(): readonly Message[] {
    return repairConversation(this.#transcript).messages;
  }

  /** Of all requests. */
  get usage(): Usage {
    return this.#usage;
  }

  /** What the model sees, the system prompt first; each call has its answer, also after an error between the two. */
  get context(): readonly Message[] {
    const system: Message[] = this.#system === "" ? [] : [{ role: "system", text: this.#system }];
    return [...system, ...repairConversation(this.#messages).messages];
  }

  setSystem(text: string): void {
    this.#system = text;
    if (!this.#isNew && text !== this.#storedSystem) this.#write(); // else with the first message
  }

  add(message: Message): void {
    this.#write({ type: "message", message, at: now() });
    this.#messages = [...this.#messages, message];
    this.#transcript = [...this.#transcript, message];
  }

  addUsage(usage: Usage, model: string): void {
    this.#write({ type: "usage", usage, model, at: now() });
    this.#usage = sumOf(this.#usage, usage);
  }

  compact(compaction: Compaction): void {
    this.#write({ type: "compaction", compaction, at: now() });
    this.#messages = applyCompaction(repairConversation(this.#messages).messages, compaction);
  }

  /** Takes back the last messages, which the file keeps. */
  undo(count: number): void {
    if (count === 0 || this.#transcript.length === 0) return;
    this.#write({ type: "undo", count, at: now() });
    this.#messages = withoutLast(this.#messages, count);
    this.#transcript = withoutLast(this.#transcript, count);
  }

  clear(): void {
    if (this.#messages.length === 0) return;
    this.#write({ type: "clear", at: now() });
    this.#messages = [];
  }

  close(): void {
    this.#writer?.close();
    this.#unlock?.();
    this.#writer = undefined;
    this.#unlock = undefined;
  }

  /** Without a record: what is not yet written of what goes before them. */
  #write(record?: SessionRecord): void {
    if (this.path === undefined) return;
    try {
      const writer = this.#open(this.path);
      if (record) writer.write(record);
    } catch (cause) {
      if (cause instanceof KimiError) throw cause;
      throw new KimiError(`the session ${this.path} can't be written: ${messageOf(cause)}`, {
        code: "session",
        hint: "Make room, or start with --no-session, which keeps nothing.",
        cause,
      });
    }
  }

  #open(path: string): SessionWriter {
    const writer = (this.#writer ??= this.#openFile(path));
    this.#isNew = false;
    if (this.#lacksHeader) {
      writer.write({ type: "session", version: sessionVersion, ...this.info });
      this.#lacksHeader = false;
    }
    if (this.#system !== this.#storedSystem) {
      writer.write({ type: "system", text: this.#system, at: now() });
      this.#storedSystem = this.#system;
    }
    return writer;
  }

  #openFile(path: string): SessionWriter {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#unlock ??= lockSession(path, this.id);
    try {
      return new SessionWriter(path, { mustBeNew: this.#isNew });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      throw new KimiError(`session ${this.id} was started by another kimi meanwhile`, {
        code: "session-locked",
        hint: "Try again to go on with it, or choose another name.",
      });
    }
  }
}

const emptyState: SessionState = {
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
function withoutLast(messages: readonly Message[], count: number): Message[] {
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

function sumOf(a: Usage, b: Usage): Usage {
  const cachedTokens = (a.cachedTokens ?? 0) + (b.cachedTokens ?? 0);
  const inputTokens = a.inputTokens + b.inputTokens;
  const outputTokens = a.outputTokens + b.outputTokens;
  const isKnown = a.cachedTokens !== undefined || b.cachedTokens !== undefined;
  return isKnown ? { inputTokens, outputTokens, cachedTokens } : { inputTokens, outputTokens };
}

function now(): string {
  return new Date().toISOString();
}
