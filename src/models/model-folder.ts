import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KimiError, usageError } from "../errors.ts";
import { lockPull } from "./pull-lock.ts";

/** What `kimi-model.json` in a model's folder says; written before the first byte is fetched. */
export interface ModelRecord {
  readonly version: 1;
  readonly name: string;
  /** What it was pulled by. */
  readonly source: string;
  readonly kind: "gguf" | "checkpoint";
  /** ISO 8601. */
  readonly pulledAt: string;
  /** The first is what is loaded. */
  readonly files: readonly {
    readonly name: string;
    readonly sizeBytes: number | undefined;
    readonly sha256: string | undefined;
  }[];
}

export interface PulledModel extends ModelRecord {
  /** Its folder. */
  readonly folder: string;
  /** What `--model` takes: the first GGUF file, or the folder of a checkpoint. */
  readonly path: string;
  readonly presentBytes: number;
  /** Of all its files, as far as it is known. */
  readonly totalBytes: number;
  readonly isComplete: boolean;
}

const recordFile = "kimi-model.json";

/** The folder of a model in the model folder: one level, whatever its name is. */
export function folderOf(modelFolder: string, name: string): string {
  return join(modelFolder, name.replaceAll(/[/:]/g, "--").replaceAll(/[^\w.@-]/g, "_"));
}

/** By name. What is no model of ours is left out. */
export function listModels(modelFolder: string): PulledModel[] {
  let folders: string[];
  try {
    folders = readdirSync(modelFolder);
  } catch {
    return []; // nothing has been pulled yet
  }
  return folders
    .flatMap((name) => readModel(join(modelFolder, name)) ?? [])
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** A model by its name, with `hf:` before it or not; `undefined` if there is none. */
export function findPulledModel(modelFolder: string, name: string): PulledModel | undefined {
  const plain = name.replace(/^hf:/, "");
  const own = readModel(folderOf(modelFolder, plain));
  return own?.name === plain ? own : undefined;
}

/** @throws KimiError, with names that are near, for one that is not there. */
export function requireModel(modelFolder: string, name: string): PulledModel {
  const found = findPulledModel(modelFolder, name);
  if (found) return found;
  const word = name.toLowerCase();
  const near = listModels(modelFolder).find((model) => model.name.toLowerCase().includes(word));
  throw usageError(
    `there is no pulled model ${name}`,
    near ? `Did you mean ${near.name}?` : "kimi models list shows those that are there.",
  );
}

/** @throws KimiError for one that is not downloaded whole. */
export function requireComplete({ name, isComplete }: PulledModel): void {
  if (isComplete) return;
  throw new KimiError(`the model ${name} is not downloaded whole`, {
    code: "unknown-model",
    hint: `kimi models pull ${name} goes on with it.`,
  });
}

/** @throws KimiError for one that is being pulled. */
export function removeModel({ folder, name }: PulledModel): void {
  lockPull(folder, name); // the lock goes with the folder
  rmSync(folder, { recursive: true });
}

export function writeRecord(folder: string, record: ModelRecord): void {
  const draft = join(folder, `${recordFile}.${process.pid}`);
  writeFileSync(draft, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(draft, join(folder, recordFile));
}

/** The model in a folder; `undefined` where there is none, or a damaged record. */
export function readModel(folder: string): PulledModel | undefined {
  let record: ModelRecord;
  try {
    record = JSON.parse(readFileSync(join(folder, recordFile), "utf8")) as ModelRecord;
    if (record.version !== 1 || record.files.length === 0) return undefined;
  } catch {
    return undefined;
  }
  const size = (path: string): number | undefined =>
    statSync(join(folder, path), { throwIfNoEntry: false })?.size;
  const isThere = ({ name, sizeBytes }: ModelRecord["files"][number]): boolean => {
    const there = size(name);
    return there !== undefined && there === (sizeBytes ?? there);
  };
  return {
    ...record,
    folder,
    path: record.kind === "gguf" ? join(folder, record.files[0]?.name ?? "") : folder,
    presentBytes: record.files.reduce(
      (sum, { name }) => sum + (size(name) ?? size(`${name}.part`) ?? 0),
      0,
    ),
    totalBytes: record.files.reduce(
      (sum, { name, sizeBytes }) => sum + (sizeBytes ?? size(name) ?? 0),
      0,
    ),
    isComplete: record.files.every(isThere),
  };
}
