import { fork } from "node:child_process";
import {
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KimiError } from "../../errors.ts";
import type { PlacementOptions } from "./local-placement.ts";
import type { ModelFile } from "./model-file.ts";
import { openNativeAddon } from "./native-addon.ts";

export interface FirstLoad {
  readonly file: ModelFile;
  readonly threads: number;
  readonly placement: PlacementOptions;
  /** Where it is remembered which files have loaded on this machine. */
  readonly cacheFolder: string;
  readonly signal: AbortSignal;
}

/**
 * Loads a file not seen before in a child process, and computes two tokens with it, so that a native
 * abort ends in a message and not in a dead terminal. What has loaded once is not tried again.
 * @returns whether this was the first time
 * @throws KimiError if the child dies.
 */
export async function tryFirstLoad(options: FirstLoad): Promise<boolean> {
  const record = join(options.cacheFolder, "loaded-models.json");
  const loaded = readRecord(record);
  const key = realpathSync(options.file.path);
  const mark = describe(options);
  if (loaded[key] === mark) return false;
  await loadInChild(options);
  writeRecord(record, { ...loaded, [key]: mark });
  return true;
}

/** Changes whenever the file, the processor or the way it is run does. */
function describe({ file, threads, placement }: FirstLoad): string {
  const { mtimeMs } = statSync(file.path);
  return [
    file.sizeBytes,
    mtimeMs,
    threads,
    JSON.stringify(placement),
    "addon" in openNativeAddon(),
    cpus()[0]?.model,
    process.version,
  ].join(" ");
}

function loadInChild({ file, threads, placement, signal }: FirstLoad): Promise<void> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const script = fileURLToPath(new URL(`first-load-child.${extension}`, import.meta.url));
  const child = fork(script, [file.path, String(threads), JSON.stringify(placement)], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    signal,
    killSignal: "SIGKILL",
  });
  let stderr = "";
  let failure: string | undefined;
  child.stderr
    ?.setEncoding("utf8")
    .on("data", (text: string) => (stderr = (stderr + text).slice(-4_000)));
  child.on("message", (message) => (failure = message as string));
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(signal.aborted ? (signal.reason as Error) : error));
    child.on("close", (code, killedBy) => {
      if (signal.aborted) reject(signal.reason as Error);
      else if (code === 0) resolve();
      else
        reject(
          failure === undefined
            ? crash(file.path, killedBy ?? `exit code ${code}`, stderr)
            : loadFailure(failure),
        );
    });
  });
}

function loadFailure(message: string): KimiError {
  const { text, hint } = JSON.parse(message) as { text: string; hint?: string };
  return new KimiError(text, { code: "model-load", ...(hint === undefined ? {} : { hint }) });
}

function crash(path: string, how: string, stderr: string): KimiError {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((line) => /assert|abort|error|terminate/i.test(line)) ?? lines.at(-1);
  const reason = line?.replace(/\S*\/(?=[\w.-]+:\d+: )/, ""); // the folder is the build machine's
  return new KimiError(
    `llama.cpp died (${how}) while it tried ${path}${reason ? `: ${reason.trim()}` : ""}`,
    {
      code: "model-load",
      hint: "The file does not suit this llama.cpp or this machine; try another quantisation of the model.",
    },
  );
}

function readRecord(path: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
  } catch {
    return {}; // not there yet, or damaged: then every file is new
  }
}

function writeRecord(path: string, record: Record<string, string>): void {
  try {
    mkdirSync(join(path, ".."), { recursive: true });
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(record));
    renameSync(draft, path);
  } catch {
    // A cache that can't be written costs the next run another try, nothing else.
  }
}
