import { exitCodes, type ExitCode } from "../errors.ts";
import { Interruption } from "./interruption.ts";

/** Signals of the system for a command that has things to stop: the first asks, the second hurries, the third ends this program. */
export class StopSignals {
  readonly #asked = new AbortController();
  readonly #hurried = new AbortController();
  readonly #restores: (() => void)[] = [];

  constructor() {
    const { interrupted, terminated } = exitCodes;
    this.#takeOver("SIGINT", interrupted);
    this.#takeOver("SIGTERM", terminated);
    this.#takeOver("SIGHUP", terminated);
    process.stderr.on("error", () => {}); // a terminal that was closed: things are stopped all the same
    process.stdout.on("error", () => {});
  }

  /** Its reason is an `Interruption`. */
  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  get hurry(): AbortSignal {
    return this.#hurried.signal;
  }

  end(): void {
    for (const restore of this.#restores) restore();
  }

  /** Whoever else listens is silent meanwhile. */
  #takeOver(name: NodeJS.Signals, code: ExitCode): void {
    const before = process.listeners(name);
    const listener = (): void => this.#take(name, code);
    process.removeAllListeners(name).on(name, listener);
    this.#restores.push(() => {
      process.off(name, listener);
      for (const earlier of before) process.on(name, earlier);
    });
  }

  #take(name: NodeJS.Signals, code: ExitCode): void {
    if (this.hurry.aborted) process.exit(code);
    if (this.signal.aborted) this.#hurried.abort();
    else this.#asked.abort(new Interruption(`interrupted by ${name}`, "interrupted", code));
  }
}
