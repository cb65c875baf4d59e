/** The built program in a pty, and what a person sees of it. */
import { spawn } from "@lydell/node-pty";
import xterm from "@xterm/headless";
import { expect } from "vitest";
import { environment, program } from "./kimi.ts";

export interface KimiTerminal {
  /** The rows of the screen and of what has scrolled off it, without empty ones at the end. */
  screen(): string;
  waitFor(text: string): Promise<void>;
  type(keys: string): void;
  /** Every byte that was written to the terminal. */
  raw(): string;
  readonly ended: Promise<number>;
}

export function startInTerminal(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): KimiTerminal {
  const size = { cols: 80, rows: 24 };
  const terminal = new xterm.Terminal({ ...size, allowProposedApi: true, scrollback: 10_000 });
  const child = spawn(process.execPath, [program, ...args], {
    ...size,
    name: "xterm-256color",
    env: environment({ TERM: "xterm-256color", ...env }),
  });
  let raw = "";
  child.onData((data) => {
    raw += data;
    terminal.write(data);
  });
  const screen = (): string => {
    const { buffer } = terminal;
    const rows = Array.from(
      { length: buffer.active.length },
      (_, row) => buffer.active.getLine(row)?.translateToString(true) ?? "",
    );
    return rows.join("\n").trimEnd();
  };
  return {
    screen,
    waitFor: (text) => expect.poll(screen, { timeout: 20_000 }).toContain(text),
    type: (keys) => child.write(keys),
    raw: () => raw,
    ended: new Promise((resolve) =>
      child.onExit(({ exitCode }) => terminal.write("", () => resolve(exitCode))),
    ),
  };
}
