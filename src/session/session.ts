import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { applyCompaction, type Compaction } from "../agent/compaction.ts";
import type { Usage } from "../engine/engine.ts";
import { KimiError, messageOf } from "../errors.ts";
import type { Message } from "../message.ts";
import { repairConversation } from "./repair.ts";
import { SessionWriter } from "./session-file.ts";
import { lockSession } from "./session-lock.ts";
import { sessionVersion, type SessionRecord } from "./session-records.ts";
import {
  emptyState,
  loadSession,
  sumOf,
  withoutLast,
  type SessionInfo,
  type SessionState,
} from "./session-state.ts";

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
        hint: "Make room there and let it be written to, or start with --no-session, which keeps nothing.",
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

function now(): string {
  return new Date().toISOString();
}
