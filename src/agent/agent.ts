import type { Engine, EngineEvent, FinishReason, Sampling, Usage } from "../engine/engine.ts";
import { KimiError } from "../errors.ts";
import { toolCallsOf, type AssistantMessage, type Message, type UserMessage } from "../message.ts";
import type { Approve } from "./approval.ts";
import { applyCompaction, type Compact, type Compaction } from "./compaction.ts";
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
  /** What the user has said since: taken after each step, and said before the next. */
  readonly steering?: () => readonly UserMessage[];
  /** Makes room when the context fills. Without it a full context is the engine's error. */
  readonly compact?: Compact;
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
  const conversation = new GrowingConversation(task);

  for (let turn = 1; turn <= task.maxTurns; turn++) {
    yield { type: "turn-start", turn };
    const withheld = breaker.state === "tools-withheld";
    breaker.startStep();
    const { message, finish } = yield* conversation.ask(withheld ? [] : tools.specs);
    if (message) yield conversation.add(message);
    // A tool turn is one with calls: engines disagree on the finish reason they give it.
    const calls = message ? toolCallsOf(message) : [];
    const answers = yield* runCalls({ ...task, calls, tools: withheld ? new ToolSet([]) : tools });
    if (withheld && calls.length > 0) breaker.recordCallWithoutTools();
    for (const { call, message: answer, effect } of answers) {
      const output = breaker.record(call, answer.output, effect);
      yield conversation.add({ ...answer, output });
    }
    if (task.signal.aborted) return yield { type: "end", reason: "interrupted" };
    const steering = task.steering?.() ?? [];
    for (const said of steering) yield conversation.add(said);
    if (calls.length === 0 && steering.length === 0)
      return yield { type: "end", reason: endReason(finish) };
    if (breaker.state === "broken") return yield { type: "end", reason: "loop" };
  }
  yield { type: "end", reason: "turn-limit" };
}

interface Answered {
  /** `undefined` when nothing was said. */
  readonly message: AssistantMessage | undefined;
  readonly finish: FinishReason;
}

/** The messages of a run, and how much of the context they take. */
class GrowingConversation {
  readonly #task: AgentTask;
  #messages: readonly Message[];
  /** Of the last reply, and how many messages it was for. */
  #measured: { readonly usage: Usage; readonly count: number } | undefined;

  constructor(task: AgentTask) {
    this.#task = task;
    this.#messages = task.messages;
  }

  add(message: Message): AgentEvent {
    this.#messages = [...this.#messages, message];
    return { type: "message", message };
  }

  /** Asks the model; makes room before, or when the engine refuses for the lack of it. */
  async *ask(tools: ToolSet["specs"]): AsyncGenerator<AgentEvent, Answered> {
    yield* this.#makeRoom({ isNeeded: false });
    try {
      return yield* this.#askOnce(tools);
    } catch (thrown) {
      const isFull = thrown instanceof KimiError && thrown.code === "context-full";
      if (!isFull) throw thrown;
      const hasRoom = yield* this.#makeRoom({ isNeeded: true });
      if (!hasRoom && !this.#task.signal.aborted) throw thrown;
    }
    return yield* this.#askOnce(tools);
  }

  async *#askOnce(tools: ToolSet["specs"]): AsyncGenerator<EngineEvent, Answered> {
    const messages = this.#messages;
    const answered = askModel(this.#task, { messages, tools });
    for (;;) {
      const { done, value } = await answered.next();
      if (done) return value;
      if (value.type === "finish") {
        this.#measured = { usage: value.usage, count: messages.length };
      }
      yield value;
    }
  }

  async *#makeRoom({ isNeeded }: { isNeeded: boolean }): AsyncGenerator<AgentEvent, boolean> {
    const { compact, engine, signal } = this.#task;
    if (!compact || signal.aborted) return false;
    const messages = this.#messages;
    const state = { messages, measured: this.#measured, isNeeded, engine, signal };
    let compaction: Compaction | undefined;
    try {
      compaction = yield* compact(state);
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
    if (!compaction) return false;
    this.#messages = applyCompaction(messages, compaction);
    this.#measured = undefined;
    yield { type: "compaction-end", compaction };
    return true;
  }
}

/** One reply. What was said before an interruption is kept; what an error cut short is not. */
async function* askModel(
  task: AgentTask,
  request: Pick<Parameters<Engine["generate"]>[0], "messages" | "tools">,
): AsyncGenerator<EngineEvent, Answered> {
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
