import { EventEmitter } from "node:events";

/**
 * A terminal as Ink writes it: what is written in one turn of the event loop is one write. A frame is
 * three otherwise (begin, changes, end), and each costs as much as all.
 */
export class TerminalOutput extends EventEmitter {
  readonly isTTY = true;
  readonly writable = true;
  readonly #target: NodeJS.WriteStream;
  #waiting = "";
  #callbacks: (() => void)[] = [];
  readonly #onResize: () => void;
  readonly #resized = (): void => {
    this.#onResize();
    this.emit("resize");
  };

  /** `onResize` is called before anybody who listens here draws anew. */
  constructor(target: NodeJS.WriteStream, onResize: () => void) {
    super();
    this.#target = target;
    this.#onResize = onResize;
    target.on("resize", this.#resized);
  }

  get columns(): number {
    return this.#target.columns;
  }

  get rows(): number {
    return this.#target.rows;
  }

  write(text: string, callback?: () => void): boolean {
    if (this.#waiting === "") queueMicrotask(() => this.flush());
    this.#waiting += text;
    if (callback) this.#callbacks.push(callback);
    return true;
  }

  /** Writes now: what comes next is written by somebody else. */
  flush(): void {
    const text = this.#waiting;
    const callbacks = this.#callbacks;
    this.#waiting = "";
    this.#callbacks = [];
    const done = (): void => {
      for (const callback of callbacks) callback();
    };
    if (text === "") done();
    else this.#target.write(text, done);
  }

  close(): void {
    this.flush();
    this.#target.off("resize", this.#resized);
  }
}
