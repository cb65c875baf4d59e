import type { ToolCall } from "../message.ts";
import type { ToolEffect } from "./tool.ts";

export const repetitionNotice =
  "This is the third time that this call gives this very result. It will not change: answer with what you have, or do something else.";

export type LoopState = "running" | "tools-withheld" | "broken";

/**
 * Ends runs that go in circles: the third call with an equal result gets a notice instead of the
 * result, the fourth also loses the tools for one step, the next stops the run. A new write or
 * execution may change what other calls return, so it starts their counts again.
 */
export class LoopBreaker {
  readonly #counts = new Map<string, number>();
  #state: LoopState = "running";
  #wasWithheld = false;

  get state(): LoopState {
    return this.#state;
  }

  /** Call before each step: tools are withheld for one only. */
  startStep(): void {
    if (this.#state === "tools-withheld") {
      this.#state = "running";
      this.#wasWithheld = true;
    }
  }

  /** What the model gets to read for this call. */
  record(call: ToolCall, output: string, effect: ToolEffect | undefined): string {
    const key = JSON.stringify([call.name, canonical(call.arguments), output]);
    const count = (this.#counts.get(key) ?? 0) + 1;
    if (count === 1 && (effect === "write" || effect === "execute")) this.#counts.clear();
    this.#counts.set(key, count);
    if (count < 3) return output;
    if (count > 3) this.#state = this.#wasWithheld ? "broken" : "tools-withheld";
    return repetitionNotice;
  }

  /** The model calls tools although they were withheld. */
  recordCallWithoutTools(): void {
    this.#state = "broken";
  }
}

function canonical(argumentsText: string): string {
  try {
    return JSON.stringify(sortKeys(JSON.parse(argumentsText)));
  } catch {
    return argumentsText;
  }
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, member]) => [key, sortKeys(member)]);
}
