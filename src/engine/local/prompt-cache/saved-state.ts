import { appendFileSync, closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";

/** What a state's file says of it. */
export interface SavedState {
  readonly path: string;
  /** Whose state it is: see `stateIdentity`. */
  readonly identity: string;
  /** Those whose keys and values are in the state, in order. */
  readonly tokens: readonly number[];
  /** The last words of the model's reply as it cut them, the last of which may not be in the state. */
  readonly reply: readonly number[];
  readonly stateBytes: number;
  readonly stateChecksum: number;
}

/**
 * The file is llama.cpp's own (`llama_state_seq_save_file`), which reads no further than its state ends,
 * then a `SavedState` as JSON, and these 16 bytes: its length and checksum (CRC-32), little-endian, and
 * the mark. So the two can't get apart, and a file that was cut has no mark.
 */
const mark = Buffer.from("KIMI-KV1");
const footerBytes = 16;
const chunkBytes = 4 << 20;

/** Completes a file that llama.cpp has just written. @throws Error if it is not all there. */
export async function sealState(
  path: string,
  stateBytes: number,
  content: Pick<SavedState, "identity" | "tokens" | "reply">,
): Promise<void> {
  if (statSync(path).size !== stateBytes) throw new Error("the state was not written whole");
  const stateChecksum = await checksumOf(path, stateBytes, new AbortController().signal);
  const json = Buffer.from(JSON.stringify({ ...content, stateBytes, stateChecksum }));
  const footer = Buffer.alloc(footerBytes);
  footer.writeUInt32LE(json.length, 0);
  footer.writeUInt32LE(crc32(json), 4);
  mark.copy(footer, 8);
  appendFileSync(path, Buffer.concat([json, footer]));
}

/** What a file says of its state, which is not looked at; `undefined` for one that is not there or damaged. */
export function readSavedState(path: string): SavedState | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    const footer = readAt(file, size - footerBytes, footerBytes);
    const jsonBytes = footer.readUInt32LE(0);
    const stateBytes = size - footerBytes - jsonBytes;
    if (!footer.subarray(8).equals(mark) || stateBytes < 0) return undefined;
    const json = readAt(file, stateBytes, jsonBytes);
    if (crc32(json) !== footer.readUInt32LE(4)) return undefined;
    const content = JSON.parse(json.toString()) as Omit<SavedState, "path">;
    return content.stateBytes === stateBytes ? { ...content, path } : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Whether the state is what was written: llama.cpp may abort of another. Throws when aborted. */
export async function isIntact(state: SavedState, signal: AbortSignal): Promise<boolean> {
  const { path, stateBytes, stateChecksum } = state;
  try {
    return (await checksumOf(path, stateBytes, signal)) === stateChecksum;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

async function checksumOf(path: string, bytes: number, signal: AbortSignal): Promise<number> {
  const file = await open(path, "r");
  try {
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, bytes));
    let checksum = 0;
    for (let at = 0; at < bytes;) {
      signal.throwIfAborted();
      const length = Math.min(chunk.length, bytes - at);
      const { bytesRead } = await file.read(chunk, 0, length, at);
      if (bytesRead === 0) throw new Error(`${path} ends too early`);
      checksum = crc32(chunk.subarray(0, bytesRead), checksum);
      at += bytesRead;
    }
    return checksum;
  } finally {
    await file.close();
  }
}

/** @throws Error for a place outside of the file. */
function readAt(file: number, position: number, length: number): Buffer {
  if (position < 0) throw new Error("the file is too short");
  const bytes = Buffer.alloc(length);
  if (readSync(file, bytes, 0, length, position) < length) throw new Error("the file was cut");
  return bytes;
}
