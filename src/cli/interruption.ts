import type { EventEmitter } from "node:events";
import { exitCodes, type ExitCode } from "../errors.ts";
import type { RunStatus } from "../render/renderer.ts";
import { unwritable } from "./output.ts";

/** Why a run was cut short; the reason of its abort signal. */
export class Interruption extends Error {
  readonly status: RunStatus;
  readonly exitCode: ExitCode;

  constructor(message: string, status: RunStatus, exitCode: ExitCode) {
    super(message);
    this.name = "Interruption";
    this.status = status;
    this.exitCode = exitCode;
  }
}

/** An abort signal that signals of the system, a closed reader and a time limit abort. */
export class Interruptions {
  readonly #controller = new AbortController();
  readonly #restores: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    const { interrupted, terminated, done } = exitCodes;
    this.#onSignal("SIGINT", interrupted);
    this.#onSignal("SIGTERM", terminated);
    this.#onSignal("SIGHUP", terminated);
    this.#replace(process.stdout, "error", (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === "EPIPE"
          ? new Interruption("the reader closed", "interrupted", done)
          : unwritable(error);
      this.#controller.abort(reason);
    });
    // Thrown where nobody awaits it, by a tool's module for one: the run still ends with a result.
    this.#replace(process, "uncaughtException", (thrown: Error) => this.#controller.abort(thrown));
    process.stderr.on("error", () => {}); // nobody listens to complaints any more
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  limit(seconds: number): void {
    const reason = new Interruption(
      `the time limit of ${seconds} s is reached`,
      "timeout",
      exitCodes.stopped,
    );
    this.#timer = setTimeout(() => this.#controller.abort(reason), seconds * 1000);
  }

  /** The run is over: what goes wrong from here on is the program's again. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const restore of this.#restores) restore();
  }

  #replace<T>(emitter: EventEmitter, name: string, listener: (value: T) => void): void {
    const before = emitter.listeners(name) as ((value: T) => void)[];
    emitter.removeAllListeners(name).on(name, listener);
    this.#restores.push(() => {
      emitter.off(name, listener);
      for (const earlier of before) emitter.on(name, earlier);
    });
  }

  /** The first asks the run to end, and it still reports; the second ends the program. */
  #onSignal(name: "SIGINT" | "SIGTERM" | "SIGHUP", exitCode: ExitCode): void {
    process.on(name, () => {
      if (this.signal.aborted) process.exit(exitCode);
      this.#controller.abort(new Interruption(`interrupted by ${name}`, "interrupted", exitCode));
    });
  }
}
