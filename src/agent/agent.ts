import type { Engine, EngineEvent, FinishReason, Sampling } from "../engine/engine.ts";
import { toolCallsOf, type AssistantMessage, type Message } from "../message.ts";
import type { Approve } from "./approval.ts";
import type { AgentEvent } from "./events.ts";
import { LoopBreaker } from "./loop-breaker.ts";
import { Reply } from "./reply.ts";
import { runCalls } from "./run-calls.ts";
import { ToolSet } from "./tool-set.ts";
import type { Tool } from "./tool.ts";

export interface AgentTask {
  readonly engine: Engine;
  /** The conversation so far, the last user message included. Not changed. */
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly sampling: Sampling;
  readonly maxTurns: number;
  readonly approve: Approve;
  readonly signal: AbortSignal;
}

/**
 * Asks the model, runs the tools it calls, tells it the results, until it calls none.
 * Every call is answered exactly once, so that the conversation stays one any server accepts.
 * Ends with one `end` event, also when interrupted; throws KimiError when the engine fails.
 */
export async function* runAgent(task: AgentTask): AsyncGenerator<AgentEvent, void> {
  const tools = new ToolSet(task.tools);
  const breaker = new LoopBreaker();
  const messages = [...task.messages];

  for (let turn = 1; turn <= task.maxTurns; turn++) {
    yield { type: "turn-start", turn };
    const withheld = breaker.state === "tools-withheld";
    breaker.startStep();
    const { message, finish } = yield* askModel(task, {
      messages,
      tools: withheld ? [] : tools.specs,
    });
    if (message) {
      messages.push(message);
      yield { type: "message", message };
    }
    // A tool turn is one with calls: engines disagree on the finish reason they give it.
    const calls = message ? toolCallsOf(message) : [];
    const answers = yield* runCalls({ ...task, calls, tools: withheld ? new ToolSet([]) : tools });
    if (withheld && calls.length > 0) breaker.recordCallWithoutTools();
    for (const { call, message: answer, effect } of answers) {
      const output = breaker.record(call, answer.output, effect);
      messages.push({ ...answer, output });
      yield { type: "message", message: { ...answer, output } };
    }
    if (task.signal.aborted) return yield { type: "end", reason: "interrupted" };
    if (calls.length === 0) return yield { type: "end", reason: endReason(finish) };
    if (breaker.state === "broken") return yield { type: "end", reason: "loop" };
  }
  yield { type: "end", reason: "turn-limit" };
}

/** One reply. What was said before an interruption is kept; what an error cut short is not. */
async function* askModel(
  task: AgentTask,
  request: Pick<Parameters<Engine["generate"]>[0], "messages" | "tools">,
): AsyncGenerator<EngineEvent, { message: AssistantMessage | undefined; finish: FinishReason }> {
  const reply = new Reply();
  let finish: FinishReason = "stop";
  try {
    const { sampling, signal } = task;
    for await (const event of task.engine.generate({ ...request, sampling, signal })) {
      reply.add(event);
      if (event.type === "finish") finish = event.reason;
      yield event;
    }
  } catch (thrown) {
    if (!task.signal.aborted) throw thrown;
  }
  return { message: reply.message(), finish };
}

function endReason(finish: FinishReason): "done" | "length" | "filtered" {
  return finish === "length" || finish === "filtered" ? finish : "done";
}
