import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { render } from "ink";
import { createElement } from "react";
import { exitCodes, KimiError } from "../errors.ts";
import type { Session } from "../session/session.ts";
import { ChatApp } from "../ui/chat-app.tsx";
import { ChatScreen, type TerminalWork } from "../ui/chat-screen.ts";
import type { ChatServices } from "../ui/chat-services.ts";
import {
  backgroundFromEnvironment,
  backgroundOf,
  backgroundQuery,
} from "../ui/terminal/background.ts";
import { colorLevelOf, showsHyperlinks } from "../ui/terminal/color-level.ts";
import { markTerminal, restoreSequence, restoreTitle, saveTitle } from "../ui/terminal/restore.ts";
import { breaksRows, rowsByReflow } from "../ui/terminal/reflow.ts";
import { TerminalOutput } from "../ui/terminal/terminal-output.ts";
import { TerminalInput } from "../ui/terminal/terminal-input.ts";
import { terminalFolder } from "./setup.ts";

export interface ChatParts {
  readonly services: ChatServices;
  readonly session: Session;
  /** What is said first. */
  readonly prompt: string | undefined;
  readonly notices: readonly string[];
  readonly theme: "auto" | "dark" | "light";
}

/** The terminal program on Ink, until it is left. Leaves the terminal as it was, however it ends. */
export async function terminalChat(parts: ChatParts): Promise<number> {
  const { services, session, theme } = parts;
  const { stdout, stdin, env } = process;
  let columns = stdout.columns;
  // Ink erases as many rows as it has written; it is taken to the first of those that there are now.
  const output = new TerminalOutput(stdout, () => {
    const isNarrower = stdout.columns < columns;
    columns = stdout.columns;
    if (!isNarrower || !breaksRows(env)) return;
    const rows = rowsByReflow(screen.drawn, columns);
    if (rows > 0) output.write(`\u001b[${rows}A`);
  });
  const write = (text: string): void => void output.write(text);
  const marker = markTerminal(terminalFolder, write);
  let exitCode: number = exitCodes.done;
  stdin.setRawMode(true); // before anything is shown: what is typed then is ours, and not echoed
  const input = new TerminalInput({
    source: stdin,
    onReply(reply) {
      const background = backgroundOf(reply);
      if (background) screen.setBackground(background);
    },
  });
  const screen: ChatScreen = new ChatScreen({
    services,
    session,
    theme: {
      colorLevel: colorLevelOf(env),
      hyperlinks: showsHyperlinks(env),
      choice: theme,
      background: backgroundFromEnvironment(env["COLORFGBG"]),
    },
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    write,
    onExit: () => {
      screen.leave();
      void app.waitUntilRenderFlush().then(() => app.unmount());
    },
  });
  write(`${saveTitle}\u001b]0;kimi: ${basename(process.cwd()).replaceAll(/\p{Cc}/gu, "")}\u0007`);
  const work = (suspend: Suspend): TerminalWork => terminalWork(suspend, output);
  const app = render(createElement(ChatApp, { screen, terminalWork: work }), {
    stdin: input as unknown as NodeJS.ReadStream,
    stdout: output as unknown as NodeJS.WriteStream,
    exitOnCtrlC: false,
    interactive: true,
    incrementalRendering: true,
    maxFps: 120, // what streams is held to 30 before; keys are not
    kittyKeyboard: { mode: "auto" },
  });
  const restore = (): void => {
    app.unmount();
    input.close();
    if (stdin.isTTY) stdin.setRawMode(false);
    write(restoreSequence + restoreTitle);
    output.flush();
    marker.remove();
  };
  const stopListening = onEnd((code) => {
    exitCode = code;
    app.unmount();
  }, restore);
  try {
    if (theme === "auto") write(backgroundQuery);
    await screen.warmUp();
    for (const notice of parts.notices) screen.controller.print(notice, "warning");
    if (parts.prompt !== undefined) {
      screen.controller.submit({ shown: parts.prompt, text: parts.prompt });
    }
    await app.waitUntilExit();
  } finally {
    stopListening();
    screen.close();
    restore();
    await screen.controller.close();
  }
  output.close();
  const { path, transcript, id } = screen.controller.session;
  if (path !== undefined && transcript.length > 0) {
    stdout.write(`kimi --resume ${id} goes on with this conversation\n`);
  }
  return exitCode;
}

/** Ends the program in order when the system or an error ends it. */
function onEnd(end: (exitCode: number) => void, restore: () => void): () => void {
  const signals = {
    SIGINT: exitCodes.interrupted,
    SIGTERM: exitCodes.terminated,
    SIGHUP: exitCodes.terminated,
  };
  const listeners = Object.entries(signals).map(([name, code]) => {
    const listener = (): void => end(code);
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  // A window that was closed: there is nobody to write for, but tools to end and a session to close.
  const earlier = process.stdout.listeners("error") as ((error: Error) => void)[];
  const gone = (): void => end(exitCodes.terminated);
  process.stdout.removeAllListeners("error").on("error", gone);
  process.prependListener("uncaughtException", restore);
  process.on("exit", restore);
  return () => {
    for (const stop of listeners) stop();
    if (!process.stdout.destroyed && process.stdout.writable) {
      process.stdout.off("error", gone);
      for (const listener of earlier) process.stdout.on("error", listener);
    }
    process.off("uncaughtException", restore);
    process.off("exit", restore);
  };
}

type Suspend = (work: () => Promise<void>) => Promise<void>;

/** Beside it everything goes on: an answer that streams must not stall. Resolves with what went wrong. */
function runEditor(command: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, { stdio: "inherit", shell: true });
    child.on("error", ({ message }) => resolve(message));
    child.on("exit", (code) => resolve(code === 0 ? undefined : `exit code ${code}`));
  });
}

/** Hands the terminal to an editor, or to the shell. */
function terminalWork(suspendInk: Suspend, output: TerminalOutput): TerminalWork {
  const suspend: Suspend = (work) =>
    suspendInk(async () => {
      output.flush();
      await work();
    });
  return {
    async edit(text) {
      const editor = process.env["VISUAL"] || process.env["EDITOR"] || "vi";
      const folder = mkdtempSync(join(tmpdir(), "kimi-edit-"));
      const path = join(folder, "message.md");
      try {
        writeFileSync(path, text, { mode: 0o600 });
        let problem: string | undefined;
        await suspend(async () => {
          problem = await runEditor(`${editor} ${JSON.stringify(path)}`);
        });
        if (problem !== undefined) {
          throw new KimiError(`the editor ${editor} failed: ${problem}`, {
            code: "editor",
            hint: "VISUAL or EDITOR names another one.",
          });
        }
        return readFileSync(path, "utf8").replace(/\n$/, "");
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    suspend: () =>
      suspend(async () => {
        output.write(restoreSequence);
        output.flush();
        const alive = setInterval(() => {}, 60_000); // else nothing would hold the program
        const resumed = new Promise((resolve) => process.once("SIGCONT", resolve));
        process.kill(0, "SIGTSTP"); // the whole job: npx, for one, has started this program
        await resumed;
        clearInterval(alive);
      }),
    redraw: () => suspend(async () => {}),
  };
}
