import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { shardNames } from "../checkpoint/checkpoint-files.ts";
import { usageError } from "../errors.ts";
import { chooseFiles, type Choice } from "./choose-files.ts";
import type { Download } from "./download-file.ts";
import { isSafePath, listRepository, type Hub, type RemoteFile } from "./hub.ts";
import { folderOf, readModel, writeRecord, type PulledModel } from "./model-folder.ts";
import { isThere, pullFiles, type PullProgress, type WantedFile } from "./pull-files.ts";
import { lockPull } from "./pull-lock.ts";
import { parseReference } from "./reference.ts";

export interface Pull {
  /** `hf:…` or a URL. */
  readonly reference: string;
  readonly modelFolder: string;
  readonly hub: Hub;
  readonly signal: AbortSignal;
  /** Of the only file, hexadecimal. */
  readonly sha256?: string | undefined;
  readonly now: () => Date;
  readonly onProgress?: (progress: PullProgress) => void;
  readonly network?: Pick<Download, "retries" | "retryDelayMs" | "idleMs">;
}

export interface PullResult {
  readonly model: PulledModel;
  /** Files that were there already. */
  readonly kept: number;
  readonly fetched: number;
}

/**
 * Brings a model into the model folder; what is there of it is kept, and gone on from.
 * @throws KimiError for a reference that means nothing, a network, a server or a disk that fails.
 */
export async function pullModel(pull: Pull): Promise<PullResult> {
  const choice = await choose(pull);
  if (pull.sha256 !== undefined && choice.files.length > 1)
    throw usageError(`--sha256 is for one file, and ${choice.name} has ${choice.files.length}`);
  const folder = folderOf(pull.modelFolder, choice.name);
  const unlock = lockPull(folder, choice.name);
  try {
    return await pullChoice(pull, choice, folder);
  } finally {
    unlock();
  }
}

async function choose({ reference, hub, signal }: Pull): Promise<Choice> {
  const parsed = parseReference(reference, hub.endpoint);
  if (!parsed)
    throw usageError(
      `${reference} is no reference`,
      "Give hf:ORG/NAME[:QUANT], or a URL of a .gguf file.",
    );
  if (parsed.type === "hub") return chooseFiles(parsed, await listRepository(hub, parsed, signal));
  const url = new URL(parsed.url);
  const file = decodeURIComponent(basename(url.pathname));
  if (!file.endsWith(".gguf") || !isSafePath(file))
    throw usageError(
      `${parsed.url} is no .gguf file`,
      "Give the URL of a model's file, or hf:ORG/NAME.",
    );
  const files = shardNames(file).map((path): RemoteFile => {
    const own = new URL(url);
    own.pathname = `${url.pathname.slice(0, url.pathname.lastIndexOf("/"))}/${encodeURIComponent(path)}`;
    return { path, url: own.href, sizeBytes: undefined, sha256: undefined };
  });
  return { name: file.replace(/(-\d{5}-of-\d{5})?\.gguf$/, ""), kind: "gguf", files };
}

async function pullChoice(pull: Pull, choice: Choice, folder: string): Promise<PullResult> {
  const before = readModel(folder);
  const wanted = choice.files.map((file): WantedFile => ({
    ...file,
    name: localName(file, choice),
    sha256: pull.sha256?.toLowerCase() ?? file.sha256,
  }));
  const missing: WantedFile[] = [];
  for (const file of wanted) if (!(await isThere(file, folder, before))) missing.push(file);
  // The sum of a file that is yet to come is not recorded: an older one may still lie in its place.
  const files = wanted.map((file) => {
    const old = before?.files.find(({ name }) => name === file.name);
    const sha256 = missing.includes(file) ? undefined : (file.sha256 ?? old?.sha256);
    return { name: file.name, sizeBytes: file.sizeBytes ?? old?.sizeBytes, sha256 };
  });
  const pulledAt = missing.length === 0 && before ? before.pulledAt : pull.now().toISOString();
  const { name, kind } = choice;
  const write = (): void =>
    writeRecord(folder, { version: 1, name, source: pull.reference, kind, pulledAt, files });
  write();
  await pullFiles({
    folder,
    wanted,
    missing,
    token: pull.hub.token,
    signal: pull.signal,
    network: pull.network,
    onProgress: pull.onProgress,
    onFile: (file, done) => {
      files[wanted.indexOf(file)] = { name: file.name, ...done };
      write();
    },
  });
  const left = before?.files.filter(({ name }) => !wanted.some((file) => file.name === name)) ?? [];
  for (const { name } of left) rmSync(join(folder, name), { force: true });
  const model = readModel(folder);
  if (!model) throw new Error(`${folder} has lost its record`);
  return { model, kept: wanted.length - missing.length, fetched: missing.length };
}

/** Shards lie beside one another, in whatever folder the repository has them. */
function localName({ path }: RemoteFile, { kind }: Choice): string {
  return kind === "gguf" ? basename(path) : path.split("/").join("--");
}
