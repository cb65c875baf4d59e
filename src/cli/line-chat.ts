import { createInterface } from "node:readline";
import { exitCodes } from "../errors.ts";
import { withoutControls } from "../render/text.ts";
import { ChatController } from "../ui/chat-controller.ts";
import { ChatStore } from "../ui/chat-store.ts";
import { LinePrinter } from "../ui/line-printer.ts";
import { choices } from "../ui/question-state.ts";
import type { ChatParts } from "./terminal-chat.ts";

/**
 * The conversation as plain lines: for a terminal without cursor movement, a screen reader, or a pipe.
 * Nothing is ever redrawn. From a pipe each line is answered before the next is read.
 */
export async function lineChat({ services, session, prompt, notices }: ChatParts): Promise<number> {
  const { stdin, stdout } = process;
  const isTerminal = stdin.isTTY;
  const store = new ChatStore();
  const printer = new LinePrinter((text) => void stdout.write(text));
  const lines = createInterface({ input: stdin, terminal: false });
  let exitCode: number = exitCodes.done;
  let isReason = false;
  const screen = {
    putBack: (text: string) => printer.line(`not sent: ${withoutControls(text)}`),
    exit: () => lines.close(),
    copy: () => printer.line("there is no clipboard here"),
    setTheme: () => {},
  };
  const controller = new ChatController({ services, store, session, screen });
  const settled = idleWatch(store);
  for (const item of store.state.prints) printer.replay(item);
  store.taken(store.state.prints.length);
  store.subscribe(() => {
    const { prints, question, working } = store.state;
    store.taken(prints.length);
    for (const item of prints) printer.print(item);
    printer.ask(question);
    if (isTerminal && !working && !question) printer.prompt();
  });
  const answer = (line: string): void => {
    if (isReason) {
      isReason = false;
      return controller.answer({ answer: "no", reason: line.trim() });
    }
    const choice = choices[Number(line.trim()) - 1];
    if (choice === undefined) return printer.line("1, 2, 3 or 4");
    if (choice !== "no") return controller.answer({ answer: choice });
    isReason = true;
    printer.line("Why not? An empty line says only no.");
  };
  const take = (line: string): void => {
    if (store.state.question) return answer(line);
    try {
      controller.submit({ shown: line, text: line });
    } catch (thrown) {
      controller.complain(thrown);
    }
  };
  const onInterrupt = (): void => {
    if (controller.isWorking) return controller.interrupt();
    exitCode = exitCodes.interrupted;
    lines.close();
  };
  const onTerminate = (): void => {
    exitCode = exitCodes.terminated;
    controller.interrupt();
    lines.close();
  };
  process.on("SIGINT", onInterrupt).on("SIGTERM", onTerminate).on("SIGHUP", onTerminate);
  try {
    for (const notice of notices) controller.print(notice, "warning");
    if (prompt !== undefined) take(prompt);
    store.flush();
    for await (const line of lines) {
      printer.typed();
      take(line);
      if (!isTerminal) await settled({ orAsked: true });
      store.flush();
    }
    if (store.state.question) {
      exitCode = exitCodes.stopped;
      controller.interrupt(); // nobody is left to answer
    }
    await settled({ orAsked: false });
    if (!isTerminal) exitCode ||= controller.failure ?? exitCodes.done;
  } finally {
    process.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate).off("SIGHUP", onTerminate);
    await controller.close();
  }
  return exitCode;
}

/** Waits until nothing is being done, or the person is asked something. */
function idleWatch(store: ChatStore): (until: { readonly orAsked: boolean }) => Promise<void> {
  return ({ orAsked }) =>
    new Promise((resolve) => {
      const look = (): void => {
        const { working, question } = store.state;
        if (working && !(orAsked && question)) return;
        stop();
        resolve();
      };
      const stop = store.subscribe(look);
      look();
    });
}
