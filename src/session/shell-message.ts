import { userText, type UserMessage } from "../message.ts";

export interface ShellOutcome {
  readonly command: string;
  readonly output: string;
  /** `undefined` when a signal ended it. */
  readonly exitCode: number | undefined;
}

/** Characters of a command's output that a model gets to read; the middle of more is left out. */
const mostOutput = 30_000;

const opening = "I ran a command:\n\n$ ";

/** The command that a message tells of; `undefined` for any other. */
export function shellCommandOf(text: string): string | undefined {
  return text.startsWith(opening) ? text.slice(opening.length).split("\n", 1)[0] : undefined;
}

/** What the model is told of a command that the user ran. */
export function shellMessage({ command, output, exitCode }: ShellOutcome): UserMessage {
  const ending = exitCode === undefined ? "It was stopped." : `Exit code ${exitCode}.`;
  const text = withoutMiddle(output.trimEnd());
  return userText(`I ran a command:\n\n$ ${command}\n${text}${text === "" ? "" : "\n"}\n${ending}`);
}

function withoutMiddle(text: string): string {
  if (text.length <= mostOutput) return text;
  const half = mostOutput / 2;
  const left = text.length - mostOutput;
  const shown = `${text.slice(0, half)}\n[${left} characters left out]\n${text.slice(-half)}`;
  return shown.toWellFormed();
}
