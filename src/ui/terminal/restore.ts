import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Everything that the terminal program switches on, switched off: harmless where it is off. */
export const restoreSequence = [
  "\u001b[?2026l", // the end of a synchronized update
  "\u001b[?2004l", // bracketed paste
  "\u001b[<u", // kitty's keyboard protocol, one level
  "\u001b[?25h", // the cursor
  "\u001b[0m", // styles
].join("");

/** The window's title, kept and brought back (XTWINOPS). */
export const saveTitle = "\u001b[22;2t";
export const restoreTitle = "\u001b[23;2t";

export interface TerminalMarker {
  /** Removes the marker: the terminal is in order. */
  remove(): void;
}

/**
 * Leaves word that a program has changed this terminal's modes, and tidies up after one that was killed
 * before it could: raw mode by `stty`, everything else by sequences.
 * `folder` holds a file for each terminal.
 */
export function markTerminal(folder: string, write: (text: string) => void): TerminalMarker {
  const name = terminalName();
  if (name === undefined) return { remove() {} };
  const path = join(folder, name.replaceAll("/", "_"));
  const holder = Number(readOr(path, "0"));
  if (holder > 0 && !isRunning(holder)) heal(write);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(path, String(process.pid), { mode: 0o600 });
  } catch {
    return { remove() {} }; // a read-only home is no reason not to talk
  }
  return {
    remove() {
      if (readOr(path, "") === String(process.pid)) rmSync(path, { force: true });
    },
  };
}

function heal(write: (text: string) => void): void {
  spawnSync("stty", ["sane"], { stdio: ["inherit", "ignore", "ignore"] });
  write(restoreSequence + restoreTitle);
  // At its end Node sets a terminal's modes as it found them at its start, which is raw mode here;
  // descriptors that are closed it leaves alone.
  process.on("exit", () => {
    for (const descriptor of [0, 1, 2]) closeSync(descriptor);
  });
}

function terminalName(): string | undefined {
  try {
    const path = readlinkSync("/proc/self/fd/0");
    return path.startsWith("/dev/") ? path : undefined;
  } catch {
    const { stdout, status } = spawnSync("tty", { stdio: ["inherit", "pipe", "ignore"] });
    return status === 0 ? stdout.toString().trim() : undefined;
  }
}

function readOr<T>(path: string, otherwise: T): string | T {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
