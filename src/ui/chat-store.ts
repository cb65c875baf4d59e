import { initialState, reduce, type ChatAction, type ChatState, type Print } from "./chat-state.ts";

/** About thirty frames a second: what streams is not shown more often. */
const frameMs = 33;

/** Holds the state, and tells of changes: of what the person does at once, of what streams once a frame. */
export class ChatStore {
  #state: ChatState = initialState;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #lastFrame = 0;

  get state(): ChatState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  dispatch(action: ChatAction): void {
    this.#state = reduce(this.#state, action);
    const streams = action.type === "agent";
    if (!streams) return this.flush();
    const wait = Math.max(0, this.#lastFrame + frameMs - performance.now());
    this.#timer ??= setTimeout(() => this.flush(), wait);
  }

  /** Something to print with the frame that is being made. */
  print(print: Print): void {
    this.#state = reduce(this.#state, { type: "print", print });
  }

  /** So many prints are printed: nobody needs to be told. */
  taken(count: number): void {
    this.#state = reduce(this.#state, { type: "printed", count });
  }

  /** Tells of everything now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastFrame = performance.now();
    for (const listener of this.#listeners) listener();
  }
}
