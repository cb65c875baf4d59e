/** The built program as a process, with folders of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..", "..");
export const program = join(root, "bin", "kimi.js");

export interface KimiOptions {
  /** Written to standard input, which is then closed; without it standard input is /dev/null. */
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface KimiOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export interface RunningKimi {
  readonly process: ChildProcess;
  readonly ended: Promise<KimiOutcome>;
  /** Resolves when standard error or output has matched; rejects if the program ends before. */
  until(pattern: RegExp): Promise<void>;
}

/** Made once for each test file: nothing of the person's own settings, no network for the tools. */
const home = mkdtempSync(join(tmpdir(), "kimi-home-"));

export function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: home,
    XDG_CONFIG_HOME: join(home, "config"),
    XDG_CACHE_HOME: join(home, "cache"),
    KIMI_WEATHER_GEOCODING_URL: "http://127.0.0.1:1",
    ...more,
  };
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "kimi-test-"));
}

export function startKimi(
  args: readonly string[],
  { stdin, env, cwd }: KimiOptions = {},
): RunningKimi {
  const child = spawn(process.execPath, [program, ...args], {
    env: environment(env),
    cwd: cwd ?? home,
    stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  const watchers = new Set<() => void>();
  const notify = (): void => watchers.forEach((watch) => watch());
  child.stdout?.setEncoding("utf8").on("data", (text: string) => ((stdout += text), notify()));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => ((stderr += text), notify()));
  child.stdin?.on("error", () => {}).end(stdin);
  const ended = new Promise<KimiOutcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ stdout, stderr, code }));
  });
  const until = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        if (!pattern.test(stdout) && !pattern.test(stderr)) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      watch();
      void ended.then(() => reject(new Error(`it ended without ${pattern}: ${stdout}${stderr}`)));
    });
  return { process: child, ended, until };
}

export function kimi(args: readonly string[], options: KimiOptions = {}): Promise<KimiOutcome> {
  return startKimi(args, options).ended;
}

export function jsonLines(
  text: string,
): { readonly type: string; readonly [field: string]: unknown }[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { type: string });
}
