import { fstatSync } from "node:fs";
import { usageError } from "../errors.ts";

export interface PromptSources {
  /** The argument; `-` means standard input, `undefined` that there is none. */
  readonly argument: string | undefined;
  /** Whether standard input may be read. */
  readonly readStdin: boolean;
  /** Tells the person something. */
  readonly notice: (line: string) => void;
  readonly signal: AbortSignal;
}

/** How long an open pipe may be silent before the person is told what is waited for. */
const silenceBeforeNoticeMs = 1_000;

/**
 * The prompt from argument and standard input: either, or the argument followed by the piped text in
 * a `<stdin>` block.
 * @throws KimiError for an empty prompt or text that is not UTF-8.
 */
export async function readPrompt({
  argument,
  readStdin,
  notice,
  signal,
}: PromptSources): Promise<string> {
  if (argument !== undefined && argument !== "-") {
    if (argument.trim() === "") throw emptyPrompt("the prompt is empty");
    const piped = readStdin && carriesData() ? await readAll(notice, signal) : "";
    return piped.trim() === ""
      ? argument
      : `${argument}\n\n<stdin>\n${piped.replace(/\n$/, "")}\n</stdin>`;
  }
  if (!readStdin) throw emptyPrompt("there is no prompt");
  if (argument === undefined && process.stdin.isTTY) throw emptyPrompt("there is no prompt");
  const piped = await readAll(notice, signal);
  if (piped.trim() === "") throw emptyPrompt("the prompt on standard input is empty");
  return piped.replace(/\n$/, "");
}

function emptyPrompt(what: string): Error {
  return usageError(
    what,
    'Give one: kimi run "What is a byte?", or pipe it: echo "What is a byte?" | kimi run',
  );
}

/** Pipes, sockets and files do; terminals and /dev/null do not. */
function carriesData(): boolean {
  try {
    const status = fstatSync(0);
    return status.isFIFO() || status.isSocket() || status.isFile();
  } catch {
    return false; // closed
  }
}

async function readAll(notice: (line: string) => void, signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = [];
  const timer = setTimeout(() => {
    if (pieces.length === 0)
      notice("waiting for standard input, which is open; --no-stdin leaves it alone");
  }, silenceBeforeNoticeMs);
  const stop = (): void => void process.stdin.destroy(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    signal.throwIfAborted();
    for await (const piece of process.stdin) pieces.push(piece as Buffer);
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
  return decode(Buffer.concat(pieces));
}

/**
 * A byte order mark is left out, unless it is ignored as such and so part of the text.
 * @throws KimiError naming the first byte that is not UTF-8.
 */
export function decode(
  bytes: Uint8Array,
  { ignoreBOM = false }: { readonly ignoreBOM?: boolean } = {},
): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM }).decode(bytes);
  } catch {
    throw usageError(
      `standard input is not UTF-8 text: byte ${firstBadByte(bytes)} can't be decoded`,
      "Convert it first, with iconv -f LATIN1 -t UTF-8 for one.",
    );
  }
}

function firstBadByte(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  // The longest prefix that decodes, found by halving; what it may cut in two is no error in a stream.
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  // It may end in the start of a character that the next byte broke.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, good), {
    stream: true,
  });
  return Buffer.byteLength(text);
}
