import type { Engine, EngineEvent, EngineRequest } from "../../src/engine/engine.ts";

/** A step of a script: the events of one reply, or what it throws. */
export type Step =
  | readonly EngineEvent[]
  | Error
  | ((request: EngineRequest) => AsyncIterable<EngineEvent>);

/** An engine that replies by script and keeps the requests it got. */
export class ScriptedEngine implements Engine {
  readonly name = "scripted";
  contextWindow = 1_000;
  readonly requests: EngineRequest[] = [];
  readonly #steps: Step[];
  readonly #last: Step;

  /** The last step is repeated for ever. */
  constructor(...steps: [Step, ...Step[]]) {
    this.#steps = steps;
    this.#last = steps.at(-1) as Step;
  }

  async *generate(request: EngineRequest): AsyncGenerator<EngineEvent, void> {
    this.requests.push({ ...request, messages: [...request.messages] });
    request.signal.throwIfAborted();
    const step = this.#steps.shift() ?? this.#last;
    if (step instanceof Error) throw step;
    if (typeof step === "function") yield* step(request);
    else yield* step;
  }

  async close(): Promise<void> {}
}

const usage = { inputTokens: 10, outputTokens: 5 };

export function text(text: string): EngineEvent[] {
  return [
    { type: "text-delta", text },
    { type: "finish", reason: "stop", usage },
  ];
}

export function calls(
  ...list: readonly (readonly [name: string, argumentsText: string])[]
): EngineEvent[] {
  return [
    ...list.map(([name, args], index): EngineEvent => ({
      type: "tool-call",
      call: { type: "tool-call", id: `functions.${name}:${index}`, name, arguments: args },
    })),
    { type: "finish", reason: "tool-calls", usage },
  ];
}
