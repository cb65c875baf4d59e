import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { KimiError, usageError } from "../../errors.ts";
import { ConversionJournal, syncFolder } from "./conversion-journal.ts";
import type { ConversionPlan, PlannedFile } from "./conversion-plan.ts";
import { unwritable } from "./conversion-unit.ts";

/** Where a file grows until it is complete. */
export function partPath(path: string): string {
  return `${path}.part`;
}

/**
 * The output of a conversion on the disk: files of their final size beside their final names, and the
 * journal of what is in them. Whatever moment the program is killed at, the next run goes on from there.
 */
export class PartFiles {
  readonly #plan: ConversionPlan;
  readonly #journal: ConversionJournal;
  /** Finished by earlier runs. */
  readonly finished: ReadonlySet<string>;

  private constructor(
    plan: ConversionPlan,
    journal: ConversionJournal,
    finished: ReadonlySet<string>,
  ) {
    this.#plan = plan;
    this.#journal = journal;
    this.finished = finished;
  }

  /**
   * Goes on with what an earlier run left if it was of the same plan, else begins anew.
   * @throws KimiError for a file that is there and may not be overwritten, or a disk without room.
   */
  static open(plan: ConversionPlan, output: string, overwrite: boolean): PartFiles {
    const path = `${output}.journal`;
    const state = ConversionJournal.read(path);
    const isOurs = state?.key === plan.key;
    if (isOurs && state.isComplete && plan.files.every(isPartOrDone)) {
      const all = new Set(plan.tensors.map(({ name }) => name));
      return new PartFiles(plan, ConversionJournal.continue(path), all);
    }
    refuseExisting(plan, overwrite);
    const canContinue = isOurs && !state.isComplete && plan.files.every(isOwnPart);
    requireRoom(plan, output);
    if (canContinue) return new PartFiles(plan, ConversionJournal.continue(path), state.finished);
    rmSync(path, { force: true }); // first: it must never speak of other parts than its own
    for (const file of plan.files) createPart(file);
    return new PartFiles(plan, ConversionJournal.begin(path, plan.key), new Set());
  }

  /** Brings these tensors' bytes to the disk and then notes them. */
  async record(tensors: readonly string[]): Promise<void> {
    if (tensors.length === 0) return;
    const names = new Set(tensors);
    for (const { path, tensors: own } of this.#plan.files) {
      if (own.some(({ name }) => names.has(name))) await syncFile(partPath(path), tensors[0] ?? "");
    }
    this.#journal.add(tensors);
  }

  /** Gives the files their names. Every tensor must be recorded. */
  finish(): void {
    this.#journal.complete();
    // The first shard last: it is the one that is opened.
    for (const { path } of this.#plan.files.toReversed())
      if (existsSync(partPath(path))) renameSync(partPath(path), path);
    syncFolder(this.#plan.files[0]?.path ?? ".");
    this.#journal.close();
    this.#journal.remove();
  }

  close(): void {
    this.#journal.close();
  }
}

async function syncFile(path: string, tensor: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.datasync();
  } catch (cause) {
    throw unwritable(path, tensor, cause);
  } finally {
    await file.close();
  }
}

function refuseExisting({ files }: ConversionPlan, overwrite: boolean): void {
  const existing = files.find(({ path }) => existsSync(path));
  if (!existing || overwrite) return;
  throw usageError(`${existing.path} is there already`, "Name another file, or add --overwrite.");
}

/** Whether what an interrupted run left is a part of this plan's file. */
function isOwnPart({ path, head, sizeBytes }: PlannedFile): boolean {
  if (!existsSync(partPath(path))) return false;
  const file = openSync(partPath(path), "r");
  try {
    const own = Buffer.alloc(head.length);
    readSync(file, own, 0, own.length, 0);
    return fstatSync(file).size === sizeBytes && own.equals(head);
  } finally {
    closeSync(file);
  }
}

function isPartOrDone(file: PlannedFile): boolean {
  return isOwnPart(file) || existsSync(file.path);
}

function createPart({ path, head, sizeBytes }: PlannedFile): void {
  const part = partPath(path);
  try {
    const file = openSync(part, "w");
    try {
      ftruncateSync(file, sizeBytes);
      writeSync(file, head, 0, head.length, 0);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw unwritable(part, "its head", cause);
  }
}

function requireRoom({ files, sizeBytes }: ConversionPlan, output: string): void {
  const folder = dirname(output);
  if (!existsSync(folder))
    throw usageError(`${output} can't be written: there is no folder ${folder}`, "Make it first.");
  const { bavail, bsize } = statfsSync(folder);
  const room = bavail * bsize;
  const needed = sizeBytes - files.reduce((sum, { path }) => sum + allocated(partPath(path)), 0);
  if (needed <= room) return;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new KimiError(
    `${output} needs ${gigabytes(needed)} more, and ${folder} has ${gigabytes(room)} left`,
    { code: "disk-full", hint: "Make room, name another disk, or choose a smaller --type." },
  );
}

/** Bytes on the disk, without the holes. */
function allocated(path: string): number {
  if (!existsSync(path)) return 0;
  const file = openSync(path, "r");
  try {
    return 512 * fstatSync(file).blocks;
  } finally {
    closeSync(file);
  }
}
