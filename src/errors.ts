/** What happened, what to do about it, and which exit code says so to a script. */

export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  stopped: 4,
  bug: 70,
  tryAgain: 75,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

interface KimiErrorOptions {
  /** A stable name for scripts, such as `rate-limited`. */
  readonly code: string;
  /** One sentence on what to do about it. */
  readonly hint?: string;
  readonly exitCode?: ExitCode;
  /** Whether the same request may succeed later. */
  readonly retryable?: boolean;
  /** How long the server asked us to wait before that, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** Every expected failure. Anything else that reaches `cli/main.ts` is a bug (exit code 70). */
export class KimiError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: KimiErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "KimiError";
    this.code = options.code;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? exitCodes.failed;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A mistake in how the program was called. */
export function usageError(message: string, hint?: string): KimiError {
  return new KimiError(message, {
    code: "usage",
    exitCode: exitCodes.usage,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** A mistake in a setting, a profile or a key. */
export function configurationError(message: string, hint: string): KimiError {
  return new KimiError(message, { code: "configuration", exitCode: exitCodes.configuration, hint });
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
