import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import type { Tool, ToolContext, ToolResult } from "../src/agent/tool.ts";
import { LineWindow, type LineRange } from "./files/line-window.ts";
import { openRegularFile } from "./files/regular-file.ts";
import { resolveForReading, type WorkspacePath } from "./files/workspace.ts";

/** Text in UTF-8 as it is, without its byte order mark; at most 30,000 characters, up to a line's end. */
export const readFile: Tool = {
  name: "read_file",
  description: "Read a text file. Returns its lines.",
  parameters: {
    type: "object",
    properties: {
      path: { type: "string", description: "Path of the file" },
      offset: { type: "integer", description: "First line to read, from 1" },
      limit: { type: "integer", description: "Number of lines" },
    },
    required: ["path"],
  },
  effect: "read",
  prepare(input) {
    const { path, offset = 1, limit = Infinity } = input as { path: string } & Partial<LineRange>;
    if (offset < 1) throw new Error("offset is the number of a line, from 1");
    if (limit < 1) throw new Error("limit is a number of lines, from 1");
    const file = resolveForReading(path);
    return {
      summary: `read ${file.name}`,
      subject: file.name,
      start: (context) => read(path, { offset, limit }, context),
    };
  },
};

async function read(path: string, range: LineRange, context: ToolContext): Promise<ToolResult> {
  const file = resolveForReading(path);
  const handle = await openRegularFile(file);
  try {
    const window = new LineWindow(range);
    for await (const text of textOf(handle, file, context.signal)) window.add(text);
    return { output: window.end(file.name) };
  } finally {
    await handle.close();
  }
}

const chunkBytes = 64 << 10;

/** @throws Error naming a file that is binary or not UTF-8; the signal's reason. */
async function* textOf(
  handle: FileHandle,
  { name }: WorkspacePath,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (bytes?: Buffer): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch (cause) {
      throw new Error(`${name} is no text in UTF-8`, { cause });
    }
  };
  const buffer = Buffer.alloc(chunkBytes);
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes, null);
    if (bytesRead === 0) break;
    const bytes = buffer.subarray(0, bytesRead);
    if (bytes.includes(0)) throw new Error(`${name} is a binary file`);
    yield decode(bytes);
  }
  yield decode();
}
