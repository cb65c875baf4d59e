import type { AgentEvent } from "../agent/events.ts";
import type { ProgressEvent } from "../engine/engine.ts";
import { withoutControls } from "./text.ts";

export interface ActivityOptions {
  /** Standard error. */
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
}

/** What takes less is not worth a line. */
const quietMs = 500;

/** Tools, retries and slow progress, a line each, for the person who waits. */
export class Activity {
  readonly #write: (text: string) => void;
  readonly #isTerminal: boolean;
  readonly #summaries = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #progress: ProgressEvent | undefined;
  #shown = false;

  constructor({ write, isTerminal }: ActivityOptions) {
    this.#write = write;
    this.#isTerminal = isTerminal;
  }

  event(event: AgentEvent): void {
    if (event.type === "progress") return this.#progressed(event);
    this.#clear();
    switch (event.type) {
      case "notice":
        this.line(event.text);
        break;
      case "tool-start":
        this.#summaries.set(event.callId, event.summary);
        this.line(shorten(`→ ${event.summary}`));
        break;
      case "tool-output":
        this.#write(this.#isTerminal ? withoutControls(event.text) : event.text);
        break;
      case "tool-end": {
        const summary = this.#summaries.get(event.callId) ?? event.callId;
        const reason = event.display?.type === "text" ? event.display.text : "";
        const why = event.outcome === "ok" ? "" : ` ${reason}`;
        this.line(`${shorten(`← ${summary}: ${event.outcome}${why}`)} (${event.durationMs} ms)`);
        break;
      }
      default:
        break;
    }
  }

  /** One line, however the text was written. */
  line(text: string): void {
    this.#clear();
    const flat = withoutControls(text).replaceAll(/\s+/g, " ").trim();
    this.#write(`${flat}\n`);
  }

  end(): void {
    this.#clear();
  }

  #progressed(event: ProgressEvent): void {
    if (event.phase === "retry")
      return this.line(`${event.detail ?? "trying again"} (${event.done} of ${event.total})`);
    const isNew = this.#progress?.phase !== event.phase;
    this.#progress = event;
    if (isNew) {
      clearTimeout(this.#timer);
      this.#shown = false;
      this.#timer = setTimeout(() => this.#show(), quietMs).unref();
    } else if (this.#shown && this.#isTerminal) this.#show();
  }

  /** On a terminal a line that is rewritten; elsewhere one line a phase. */
  #show(): void {
    const progress = this.#progress;
    if (!progress) return;
    this.#shown = true;
    const what = progress.phase === "load" ? "loading the model" : "reading the prompt";
    const percent = progress.total === 0 ? 0 : Math.floor((100 * progress.done) / progress.total);
    this.#write(this.#isTerminal ? `\r${what} ${percent} %\u001b[K` : `${what} …\n`);
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#progress = undefined;
    if (this.#shown && this.#isTerminal) this.#write("\r\u001b[K");
    this.#shown = false;
  }
}

function shorten(text: string): string {
  const flat = text.replaceAll(/\s+/g, " ");
  return flat.length > 160 ? `${flat.slice(0, 160)}…` : flat;
}
