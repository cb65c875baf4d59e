/** Commands on the last message: answer it again, change it, take it back. */
import { isSummary } from "../agent/compaction.ts";
import { KimiError, usageError } from "../errors.ts";
import type { UserMessage } from "../message.ts";
import { shellCommandOf } from "../session/shell-message.ts";
import type { ChatController } from "./chat-controller.ts";

export function retry(chat: ChatController): void {
  idle(chat, () => {
    const count = afterLastUser(chat);
    if (count === undefined)
      throw usageError("there is nothing to answer again", "Ask something first.");
    chat.session.undo(count);
    chat.retry();
  });
}

export function edit(chat: ChatController): void {
  idle(chat, () => {
    chat.screen.putBack(takeBack(chat));
    chat.showUsage();
  });
}

export function undo(chat: ChatController): void {
  idle(chat, () => {
    const text = takeBack(chat).replaceAll(/\s+/g, " ");
    done(chat, `taken back: ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`);
  });
}

/** The text of the last message, which no longer counts. */
function takeBack(chat: ChatController): string {
  const count = afterLastUser(chat);
  const message = count === undefined ? undefined : chat.session.context.at(-1 - count);
  if (count === undefined || message?.role !== "user" || isSummary(message)) {
    throw usageError("there is nothing to take back", "Ask something first.");
  }
  chat.session.undo(count + 1);
  return typedText(message);
}

/** Without the files that were attached to it. */
function typedText({ content }: UserMessage): string {
  const [first] = content;
  const text = first?.type === "text" ? first.text : "";
  const command = shellCommandOf(text);
  return command === undefined ? text : `!${command}`;
}

/** How many messages there are after the last one of the user's; `undefined` without one. */
function afterLastUser({ session }: ChatController): number | undefined {
  const messages = session.context;
  const index = messages.findLastIndex(({ role }) => role === "user");
  return index < 0 ? undefined : messages.length - 1 - index;
}

/** Runs something that must not happen in the middle of a run. */
export function idle(chat: ChatController, work: () => void): void {
  if (chat.isWorking) {
    throw new KimiError("the model is working", { code: "busy", hint: "Esc interrupts it." });
  }
  work();
}

export function done(chat: ChatController, text: string): void {
  chat.showUsage();
  chat.print(text);
}
