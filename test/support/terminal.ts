/** The built program in a pty, and what a person sees of it. */
import { spawn } from "@lydell/node-pty";
import xterm from "@xterm/headless";
import { expect, onTestFinished } from "vitest";
import { environment, program } from "./kimi.ts";

export interface KimiTerminal {
  readonly pid: number;
  /** The rows of what has scrolled off and of the screen, without empty ones at the end. */
  screen(): string;
  /** The same with rows joined that the terminal wrapped, as when they are copied. */
  lines(): readonly string[];
  /** The rows of the window alone. */
  window(): readonly string[];
  /** Of the cursor in the window, from 0. */
  cursor(): { readonly x: number; readonly y: number };
  isCursorShown(): boolean;
  isPasteBracketed(): boolean;
  waitFor(text: string): Promise<void>;
  /** Waits until the window's last rows are those of a prompt that waits for input. */
  waitForPrompt(): Promise<void>;
  type(keys: string): void;
  paste(text: string): void;
  resize(columns: number, rows: number): void;
  /** Closes the terminal, as when its window is closed. */
  hangUp(): void;
  /** Every byte that was written to the terminal. */
  raw(): string;
  readonly ended: Promise<number>;
}

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
  readonly cwd?: string;
  /** Instead of the program itself: a command line for sh in which `"$KIMI"` is it. */
  readonly shell?: string;
  readonly scrollback?: number;
}

export function startInTerminal(
  args: readonly string[],
  {
    env = {},
    columns: cols = 80,
    rows = 24,
    cwd,
    shell,
    scrollback = 20_000,
  }: TerminalOptions = {},
): KimiTerminal {
  const size = { cols, rows };
  const terminal = new xterm.Terminal({ ...size, allowProposedApi: true, scrollback });
  const command: [string, string[]] =
    shell === undefined ? [process.execPath, [program, ...args]] : ["/bin/sh", ["-c", shell]];
  const child = spawn(...command, {
    ...size,
    name: env["TERM"] ?? "xterm-256color", // node-pty makes it TERM
    ...(cwd === undefined ? {} : { cwd }),
    env: environment({
      KIMI: `${process.execPath} ${program}`,
      ...env,
    }),
  });
  let raw = "";
  child.onData((data) => {
    raw += data;
    terminal.write(data);
  });
  terminal.onData((reply) => child.write(reply)); // a terminal answers what it is asked
  let hasEnded = false;
  const ended = new Promise<number>((resolve) =>
    child.onExit(({ exitCode }) => {
      hasEnded = true;
      terminal.write("", () => resolve(exitCode));
    }),
  );
  onTestFinished(() => {
    if (!hasEnded) child.kill("SIGKILL");
  });
  const { buffer } = terminal;
  const row = (index: number): string =>
    buffer.active.getLine(index)?.translateToString(true) ?? "";
  const screen = (): string =>
    Array.from({ length: buffer.active.length }, (_, index) => row(index))
      .join("\n")
      .trimEnd();
  const window = (): string[] =>
    Array.from({ length: terminal.rows }, (_, index) => row(buffer.active.baseY + index));
  const waitFor = (text: string): Promise<void> =>
    expect.poll(screen, { timeout: 20_000 }).toContain(text);
  return {
    pid: child.pid,
    screen,
    lines() {
      const lines: string[] = [];
      for (let index = 0; index < buffer.active.length; index++) {
        const line = buffer.active.getLine(index);
        const text = line?.translateToString(true) ?? "";
        if (line?.isWrapped) lines.push((lines.pop() ?? "") + text);
        else lines.push(text);
      }
      return lines;
    },
    window,
    cursor: () => ({ x: buffer.active.cursorX, y: buffer.active.cursorY }),
    isCursorShown: () => raw.lastIndexOf("\u001b[?25h") >= raw.lastIndexOf("\u001b[?25l"),
    isPasteBracketed: () => terminal.modes.bracketedPasteMode,
    waitFor,
    waitForPrompt: () => waitFor("/help"),
    type: (keys) => child.write(keys),
    paste: (text) => child.write(`\u001b[200~${text.replaceAll("\n", "\r")}\u001b[201~`),
    resize(columns, rows) {
      terminal.resize(columns, rows);
      child.resize(columns, rows);
    },
    hangUp: () => (child as unknown as { destroy(): void }).destroy(),
    raw: () => raw,
    ended,
  };
}
