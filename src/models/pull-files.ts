import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { join } from "node:path";
import { downloadFile, type Download, type Downloaded } from "./download-file.ts";
import type { HostToken } from "./http-get.ts";
import type { RemoteFile } from "./hub.ts";
import type { ModelRecord } from "./model-folder.ts";
import { checkRoom } from "./part-file.ts";

/** A file to have, by its name in the model's folder. */
export interface WantedFile extends RemoteFile {
  readonly name: string;
}

export interface PullProgress {
  /** The file that the last bytes were of. */
  readonly file: string;
  /** Files that are whole. */
  readonly doneFiles: number;
  readonly count: number;
  /** Of all files together. */
  readonly doneBytes: number;
  readonly totalBytes: number | undefined;
}

export interface PullFiles {
  readonly folder: string;
  readonly wanted: readonly WantedFile[];
  /** Of them, those to fetch. */
  readonly missing: readonly WantedFile[];
  readonly token: HostToken | undefined;
  readonly signal: AbortSignal;
  readonly network: Pick<Download, "retries" | "retryDelayMs" | "idleMs"> | undefined;
  readonly onProgress: ((progress: PullProgress) => void) | undefined;
  readonly onFile: (file: WantedFile, done: Downloaded) => void;
}

/** One connection seldom fills a line. */
const filesAtOnce = 4;

/** Fetches the files that are missing, some at once. @throws what the first that fails throws; the others are stopped. */
export async function pullFiles(pull: PullFiles): Promise<void> {
  const { folder, missing, wanted } = pull;
  const partBytes = missing.reduce((sum, { name }) => sum + sizeIn(folder, `${name}.part`), 0);
  checkRoom(folder, totalOf(missing) - partBytes);
  const progress = new Progress(pull);
  for (const file of wanted)
    if (!missing.includes(file)) progress.finish(file, sizeIn(folder, file.name));
  const others = new AbortController();
  const signal = AbortSignal.any([pull.signal, others.signal]);
  const queue = [...missing];
  let failure: { readonly thrown: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file && !failure; file = queue.shift()) {
      try {
        await fetchOne(pull, { file, signal, progress });
      } catch (thrown) {
        failure ??= { thrown };
        others.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: filesAtOnce }, work));
  pull.signal.throwIfAborted();
  if (failure) throw failure.thrown;
}

interface Fetch {
  readonly file: WantedFile;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

async function fetchOne(
  { folder, token, network, onFile }: PullFiles,
  { file, signal, progress }: Fetch,
): Promise<void> {
  const done = await downloadFile({
    url: file.url,
    target: join(folder, file.name),
    sha256: file.sha256,
    sizeBytes: file.sizeBytes,
    token,
    signal,
    ...network,
    onProgress: (doneBytes, totalBytes) => progress.show(file, doneBytes, totalBytes),
  });
  progress.finish(file, done.sizeBytes);
  onFile(file, done);
}

/**
 * Whether a file is there and the one that is wanted. It got its name only when it was whole; what the
 * record does not know of it, its own bytes tell.
 */
export async function isThere(
  file: WantedFile,
  folder: string,
  record: ModelRecord | undefined,
): Promise<boolean> {
  const size = statSync(join(folder, file.name), { throwIfNoEntry: false })?.size;
  const known = record?.files.find(({ name }) => name === file.name);
  if (size === undefined || size !== (file.sizeBytes ?? known?.sizeBytes ?? size)) return false;
  if (file.sha256 === undefined) return known !== undefined;
  return file.sha256 === (known?.sha256 ?? (await hashFile(join(folder, file.name))));
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}

function sizeIn(folder: string, name: string): number {
  return statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
}

function totalOf(files: readonly RemoteFile[]): number {
  return files.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0);
}

/** Adds the files up. */
class Progress {
  readonly #pull: PullFiles;
  readonly #bytes = new Map<WantedFile, number>();
  #doneFiles = 0;

  constructor(pull: PullFiles) {
    this.#pull = pull;
  }

  show(file: WantedFile, doneBytes: number, totalBytes: number | undefined): void {
    const { wanted, onProgress } = this.#pull;
    this.#bytes.set(file, doneBytes);
    const isKnown = wanted.every(({ sizeBytes }) => sizeBytes !== undefined);
    onProgress?.({
      file: file.path,
      doneFiles: this.#doneFiles,
      count: wanted.length,
      doneBytes: this.#bytes.values().reduce((sum, bytes) => sum + bytes, 0),
      totalBytes: isKnown ? totalOf(wanted) : wanted.length === 1 ? totalBytes : undefined,
    });
  }

  finish(file: WantedFile, sizeBytes: number): void {
    this.#doneFiles++;
    this.show(file, sizeBytes, sizeBytes);
  }
}
