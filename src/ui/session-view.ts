import type { Usage } from "../engine/engine.ts";
import { tokensOf } from "../session/compact.ts";
import type { Session } from "../session/session.ts";
import type { ChatStore } from "./chat-store.ts";
import { printsOf } from "./replay.ts";

/** Of an earlier conversation, those that are printed when it is taken up. */
const shownMessages = 40;

/** What a person sees of a session itself: what was said in it before, and how full its context is. */
export class SessionView {
  readonly #store: ChatStore;
  /** What a request holds beside the messages: the tools' descriptions, for the most part. */
  #overheadTokens = 0;

  constructor(store: ChatStore) {
    this.#store = store;
  }

  /** What was said in it before, its last part at least. */
  show(session: Session): void {
    const { repairs, transcript, id } = session;
    const shown = transcript.slice(-shownMessages);
    const left = transcript.length - shown.length;
    if (left > 0) this.#note(`${left} earlier messages: kimi sessions show ${id}`, "info");
    for (const print of printsOf(shown)) this.#store.dispatch({ type: "print", print });
    for (const repair of repairs) this.#note(`this session was damaged: ${repair}`, "warning");
    this.showUsage(session);
  }

  /** Counts what the context holds anew. */
  showUsage({ context, usage }: Session): void {
    const contextTokens =
      context.length === 0 ? 0 : Math.round(tokensOf(context) + this.#overheadTokens);
    this.#store.dispatch({ type: "usage", usage, contextTokens });
  }

  /** Learns from what a request came to. */
  measure({ context }: Session, { inputTokens }: Usage): void {
    this.#overheadTokens = Math.max(0, inputTokens - tokensOf(context));
  }

  #note(text: string, level: "info" | "warning"): void {
    this.#store.dispatch({ type: "print", print: { type: "notice", level, text } });
  }
}
