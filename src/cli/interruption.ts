import { exitCodes, type ExitCode } from "../errors.ts";
import type { RunStatus } from "../render/renderer.ts";

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
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    const { interrupted, terminated, done } = exitCodes;
    this.#onSignal("SIGINT", interrupted);
    this.#onSignal("SIGTERM", terminated);
    this.#onSignal("SIGHUP", terminated);
    process.stdout.removeAllListeners("error").on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      this.#controller.abort(new Interruption("the reader closed", "interrupted", done));
    });
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

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The first asks the run to end, and it still reports; the second ends the program. */
  #onSignal(name: "SIGINT" | "SIGTERM" | "SIGHUP", exitCode: ExitCode): void {
    process.on(name, () => {
      if (this.signal.aborted) process.exit(exitCode);
      this.#controller.abort(new Interruption(`interrupted by ${name}`, "interrupted", exitCode));
    });
  }
}
