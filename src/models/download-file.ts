import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { exitCodes, KimiError } from "../errors.ts";
import { httpGet, type GetResponse, type HostToken } from "./http-get.ts";
import { checkRoom, PartFile } from "./part-file.ts";
import { statusError } from "./status-error.ts";

export interface Download {
  readonly url: string;
  /** Where it goes, by a rename once it is whole and checked. */
  readonly target: string;
  /** What is known of it from elsewhere. */
  readonly sha256?: string | undefined;
  readonly sizeBytes?: number | undefined;
  readonly token?: HostToken | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void;
  /** Tries in a row that bring nothing; 5 if left out. */
  readonly retries?: number;
  /** Before the first of them, doubled each time, milliseconds. */
  readonly retryDelayMs?: number;
  /** How long the server may be silent, milliseconds. */
  readonly idleMs?: number;
}

export interface Downloaded {
  readonly sizeBytes: number;
  readonly sha256: string;
}

const longestWaitMs = 60_000;

/**
 * Brings a file, going on from what is there of it, and over connections that break. What is there is only
 * gone on from if the server says that it is the same file, or if a checksum will tell in the end.
 * @throws KimiError; what has come stays for the next time, unless the checksum is wrong.
 */
export async function downloadFile(download: Download): Promise<Downloaded> {
  const { signal, retries = 5, retryDelayMs = 1_000, onProgress } = download;
  const part = await PartFile.open(download.target, download.url);
  try {
    for (let failures = 0, restarts = 0; ;) {
      const before = part.size;
      onProgress?.(part.size, download.sizeBytes ?? part.state.sizeBytes);
      try {
        const sha256 = await fetchRest(download, part);
        const sizeBytes = part.size;
        return { sizeBytes, sha256: await part.finish(download.sha256 ?? sha256) };
      } catch (thrown) {
        signal.throwIfAborted();
        if (!(thrown instanceof KimiError) || !thrown.retryable) throw thrown;
        failures = part.size > before ? 1 : failures + 1;
        if (part.size < before) restarts++; // else a file that always changes would never end
        const delayMs = thrown.retryAfterMs ?? retryDelayMs * 2 ** (failures - 1);
        if (failures > retries || restarts > retries || delayMs > longestWaitMs) throw thrown;
        await wait(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  } finally {
    await part.close();
  }
}

/** Fetches what is not there yet; returns the checksum that Hugging Face gives on the way. */
async function fetchRest(download: Download, part: PartFile): Promise<string | undefined> {
  const { url, signal, token, idleMs } = download;
  await dropUnusable(download, part);
  if (part.size > 0 && part.size === download.sizeBytes && download.sha256 !== undefined) return;
  const { etag } = part.state;
  const response = await httpGet(url, {
    signal,
    token,
    ...(idleMs === undefined ? {} : { idleMs }),
    headers:
      part.size === 0
        ? {}
        : { range: `bytes=${part.size}-`, ...(etag === undefined ? {} : { "if-range": etag }) },
  });
  try {
    const start = await readStart(download, part, response);
    if (start !== "complete") await readBody(download, { part, response, total: start.total });
  } finally {
    response.body.destroy();
  }
  return response.linked.sha256;
}

/** What can't be gone on from is fetched anew: bytes of which nothing says that they belong to this file. */
async function dropUnusable({ sha256, sizeBytes }: Download, part: PartFile): Promise<void> {
  if (part.size === 0) return;
  const isKnown = part.state.etag !== undefined || sha256 !== undefined;
  const isOther =
    sizeBytes !== undefined &&
    (part.size > sizeBytes || (part.state.sizeBytes ?? sizeBytes) !== sizeBytes);
  if (!isKnown || isOther) await part.restart();
}

/** What the answer's head says: where its bytes begin and how many the whole file has. */
async function readStart(
  download: Download,
  part: PartFile,
  response: GetResponse,
): Promise<{ readonly total: number | undefined } | "complete"> {
  const { status, headers } = response;
  const etag = strongEtag(headers.etag);
  if (status === 416) {
    const total = Number(/^bytes \*\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1]);
    const expected = download.sizeBytes ?? part.state.sizeBytes ?? total;
    if (total === part.size && expected === total) return "complete";
    await part.restart();
    throw interrupted(download, "it has fewer bytes than were fetched already");
  }
  if (status !== 200 && status !== 206) throw statusError(response, download.url);
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers["content-range"] ?? "");
  const total =
    status === 206 ? Number(range?.[2] ?? Number.NaN) : sizeIn(headers["content-length"]);
  const changed = part.state.etag !== undefined && etag !== undefined && etag !== part.state.etag;
  if (status === 206 && (Number(range?.[1]) !== part.size || Number.isNaN(total) || changed)) {
    await part.restart();
    throw interrupted(download, changed ? "it has changed meanwhile" : "it sent another part");
  }
  if (status === 200 && part.size > 0) await part.restart(); // it ignores ranges, or the file has changed
  checkTotal(download, total);
  // Nothing is waited for from here to the body: what a connection that ends brought would be lost.
  checkRoom(dirname(download.target), Math.max(0, (total ?? 0) - part.size));
  part.remember({ url: download.url, etag, sizeBytes: total });
  return { total };
}

function checkTotal(download: Download, total: number | undefined): void {
  const { sizeBytes: expected } = download;
  if (expected === undefined || total === undefined || expected === total) return;
  throw new KimiError(
    `${download.url} should have ${expected} bytes, and the server has ${total}`,
    {
      code: "download",
      hint: "A proxy may have answered; try again, or another mirror (HF_ENDPOINT).",
    },
  );
}

interface Answer {
  readonly part: PartFile;
  readonly response: GetResponse;
  readonly total: number | undefined;
}

async function readBody(download: Download, { part, response, total }: Answer): Promise<void> {
  const expected = total ?? download.sizeBytes;
  try {
    for await (const piece of response.body) {
      const bytes = piece as Buffer;
      if (expected !== undefined && part.size + bytes.length > expected) {
        await part.restart();
        throw interrupted(download, "it sent more than it said");
      }
      await part.append(bytes);
      download.onProgress?.(part.size, expected);
    }
  } catch (cause) {
    if (cause instanceof KimiError) throw cause;
    throw interrupted(download, "the connection broke off", cause);
  }
  if (part.size !== (expected ?? part.size))
    throw interrupted(download, `it sent ${part.size} of ${expected} bytes`);
}

function interrupted({ url }: Download, what: string, cause?: unknown): KimiError {
  return new KimiError(`${url} did not come whole: ${what}`, {
    code: "download",
    exitCode: exitCodes.tryAgain,
    hint: "Pull again: it goes on from where it stopped.",
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A weak one says nothing of bytes. */
function strongEtag(etag: string | undefined): string | undefined {
  return etag === undefined || etag.startsWith("W/") ? undefined : etag;
}

function sizeIn(header: string | undefined): number | undefined {
  return header === undefined ? undefined : Number(header);
}
