import type { UserMessage } from "../message.ts";
import type { ChatStore } from "./chat-store.ts";

/** A text as it is shown, and as it is sent: large pastes are shown by a word. */
export interface Draft {
  readonly shown: string;
  readonly text: string;
}

export interface Waiting {
  readonly draft: Draft;
  readonly message: UserMessage;
}

/** What was said while something was being done, and is shown as waiting. */
export class WaitingMessages {
  readonly #store: ChatStore;
  #queue: Waiting[] = [];
  #steering: Waiting[] = [];

  constructor(store: ChatStore) {
    this.#store = store;
  }

  /** For after what is being done. */
  queue(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.#store.dispatch({ type: "queue", text: waiting.draft.shown });
  }

  /** For after its current step. */
  steer(waiting: Waiting): void {
    this.#steering.push(waiting);
    this.#store.dispatch({ type: "steer", text: waiting.draft.shown });
  }

  /** What the current step's end lets in. */
  takeSteering(): readonly UserMessage[] {
    const taken = this.#steering.splice(0);
    if (taken.length > 0) this.#store.dispatch({ type: "steering-taken" });
    return taken.map(({ message }) => message);
  }

  /** After what was done; no step took the rest of the steering, so it comes first. */
  takeNext(): Waiting | undefined {
    const [first, ...rest] = this.#all();
    this.#queue = rest;
    if (first) this.#store.dispatch({ type: "next-taken" });
    return first;
  }

  /** All of it, as it was written: nothing of it is said any more. */
  takeBack(): readonly string[] {
    const waiting = this.#all();
    if (waiting.length > 0) this.#store.dispatch({ type: "queue-returned" });
    return waiting.map(({ draft }) => draft.text);
  }

  #all(): Waiting[] {
    return [...this.#steering.splice(0), ...this.#queue.splice(0)];
  }
}
