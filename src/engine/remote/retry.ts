import { KimiError } from "../../errors.ts";
import type { ProgressEvent } from "../engine.ts";

const firstDelayMs = 500;
const longestDelayMs = 8_000;
/** A server may ask for an hour; nobody waits that long without knowing it. */
const longestRetryAfterMs = 60_000;

export interface RetryOptions {
  readonly retries: number;
  readonly signal: AbortSignal;
}

/**
 * Runs a request again after a passing failure, but only until its first event: what was shown once
 * is never shown twice. Each wait is announced by a `progress` event.
 */
export async function* withRetry<T>(
  attempt: () => AsyncIterable<T>,
  { retries, signal }: RetryOptions,
): AsyncGenerator<T | ProgressEvent, void> {
  for (let tries = 0; ; tries++) {
    let started = false;
    try {
      for await (const event of attempt()) {
        started = true;
        yield event;
      }
      return;
    } catch (thrown) {
      if (!(thrown instanceof KimiError) || !thrown.retryable || started) throw thrown;
      const delayMs = delayBefore(tries, thrown.retryAfterMs);
      if (tries >= retries || delayMs === undefined) throw thrown;
      const detail = `${thrown.message}; trying again in ${(delayMs / 1000).toFixed(1)} s`;
      yield { type: "progress", phase: "retry", done: tries + 1, total: retries, detail };
      await wait(delayMs, signal);
    }
  }
}

/** Doubles, with a quarter of jitter; what the server asked for goes first. `undefined`: too long. */
function delayBefore(tries: number, retryAfterMs: number | undefined): number | undefined {
  if (retryAfterMs !== undefined)
    return retryAfterMs > longestRetryAfterMs ? undefined : retryAfterMs;
  const delay = Math.min(firstDelayMs * 2 ** tries, longestDelayMs);
  return delay * (1 + Math.random() / 4);
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const timer = setTimeout(done, ms);
    function done(): void {
      signal.removeEventListener("abort", stop);
      resolve();
    }
    function stop(): void {
      clearTimeout(timer);
      reject(signal.reason as Error);
    }
    signal.addEventListener("abort", stop, { once: true });
  });
}
