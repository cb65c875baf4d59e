/** A program in a terminal that shows and answers nothing, so that little but the program takes time. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { spawn, type IPty } from "@lydell/node-pty";
import { cpuMs } from "../test/support/processes.ts";
import { environment } from "./measure.ts";

/** No CPU time for so long is idle; so little is what a timer takes, milliseconds. */
const idleMs = 400;
const idleCpuMs = 1;

/** Longest wait for a text, or for idleness, milliseconds. */
const longestMs = 60_000;

export class Pty {
  readonly startedAt = performance.now();
  /** Written to the terminal so far. */
  bytes = 0;
  readonly #child: IPty;
  readonly #waiting = new Set<(data: string) => void>();

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [...args], {
      cols: 120,
      rows: 40,
      name: "xterm-256color",
      env: { ...environment, TERM: "xterm-256color" },
    });
    this.#child.onData((data) => {
      this.bytes += Buffer.byteLength(data);
      for (const read of this.#waiting) read(data);
    });
  }

  /** When a text that is still to come was written, in one piece. */
  shown(text: string): Promise<number> {
    return new Promise((resolve, reject) => {
      let tail = "";
      const read = (data: string): void => {
        const now = tail + data;
        tail = now.slice(1 - text.length || now.length);
        if (!now.includes(text)) return;
        clearTimeout(timer);
        this.#waiting.delete(read);
        resolve(performance.now());
      };
      const timer = setTimeout(
        () => reject(new Error(`${JSON.stringify(text)} was never shown`)),
        longestMs,
      );
      this.#waiting.add(read);
    });
  }

  type(keys: string): void {
    this.#child.write(keys);
  }

  /** CPU time of all threads so far. */
  cpuMs(): number {
    return cpuMs(this.#child.pid);
  }

  rssMiB(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) / 1024;
  }

  /** Once it does nothing any more. */
  async idle(): Promise<void> {
    for (const until = performance.now() + longestMs; performance.now() < until;) {
      const before = this.cpuMs();
      await delay(idleMs);
      if (this.cpuMs() - before < idleCpuMs) return;
    }
    throw new Error("it never had nothing to do");
  }

  end(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.onExit(() => resolve());
      this.#child.kill("SIGTERM");
    });
  }
}
