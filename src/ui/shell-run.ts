import type { AgentEvent } from "../agent/events.ts";
import type { UserMessage } from "../message.ts";
import type { ChatServices } from "./chat-services.ts";
import { shellMessage } from "../session/shell-message.ts";

export interface ShellRunning {
  readonly services: ChatServices;
  /** Takes what happens, as of a tool. */
  readonly show: (event: AgentEvent) => void;
  readonly signal: AbortSignal;
}

/** Characters of what a command prints that are kept. */
const mostOutput = 1 << 20;

/** Runs a command of the user's; returns what the model is told of it. */
export async function shellMessageOf(
  command: string,
  { services, show, signal }: ShellRunning,
): Promise<UserMessage> {
  const callId = "shell";
  let output = "";
  const started = performance.now();
  show({ type: "tool-start", callId, summary: command });
  const onOutput = (text: string): void => {
    if (output.length < mostOutput) output += text;
    show({ type: "tool-output", callId, text });
  };
  const exitCode = await services.runShell(command, { signal, onOutput });
  const outcome = signal.aborted ? "interrupted" : exitCode === 0 ? "ok" : "error";
  const durationMs = Math.round(performance.now() - started);
  show({
    type: "tool-end",
    callId,
    outcome,
    durationMs,
    display: { type: "text", text: output },
  });
  const isError = outcome !== "ok";
  const message = { role: "tool", callId, toolName: "shell", output, isError } as const;
  show({ type: "message", message });
  return shellMessage({ command, output, exitCode });
}
