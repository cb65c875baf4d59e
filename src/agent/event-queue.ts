/** Events of several producers, in the order in which they happen, for one consumer. */
export class EventQueue<T> {
  readonly #events: T[] = [];
  #wake: (() => void) | undefined;

  push(event: T): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** Yields events until `work` has settled and all are taken; throws what `work` throws. */
  async *until(work: Promise<unknown>): AsyncGenerator<T, void> {
    let settled = false;
    const finished = work.finally(() => {
      settled = true;
      this.#wake?.();
    });
    finished.catch(() => {}); // reported by the await below
    for (;;) {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift())
        yield event;
      if (settled) break;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
    await finished;
  }
}
