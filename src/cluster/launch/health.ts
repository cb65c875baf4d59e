import { setTimeout as sleep } from "node:timers/promises";

/** Resolves when a GET answers 200; rejects with `signal.reason`. */
export async function waitForHealth(url: string, signal: AbortSignal): Promise<void> {
  for (let pauseMs = 100; ; pauseMs = Math.min(2_000, pauseMs * 1.5)) {
    signal.throwIfAborted();
    if ((await statusOf(url, signal)) === 200) return;
    try {
      await sleep(pauseMs, undefined, { signal });
    } catch {
      signal.throwIfAborted();
    }
  }
}

const answerMs = 5_000;

/** The status that a GET is answered with; `undefined` without an answer. */
export function statusOf(url: string, signal?: AbortSignal): Promise<number | undefined> {
  const { request } = process.getBuiltinModule("node:http");
  return new Promise((resolve) => {
    const limit = AbortSignal.timeout(answerMs);
    const client = request(url, {
      agent: false,
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    client.on("error", () => resolve(undefined));
    client.on("response", (response) => {
      response.on("error", () => {}).destroy();
      resolve(response.statusCode);
    });
    client.end();
  });
}
