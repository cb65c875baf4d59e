import { basename } from "node:path";
import { shardNames, type CheckpointFiles } from "../checkpoint/checkpoint-files.ts";
import { KimiError, usageError } from "../errors.ts";
import { listRepository, type Hub, type RemoteFile } from "./hub.ts";
import { httpGet, type GetResponse, type HostToken } from "./http-get.ts";
import type { ModelReference } from "./reference.ts";
import { statusError } from "./status-error.ts";

interface Remote {
  readonly hub: Hub;
  readonly signal: AbortSignal;
}

/**
 * The files of a model on a server, read by ranges.
 * @throws KimiError for one that is not there, or a server that does not serve ranges.
 */
export async function openRemoteFiles(
  reference: ModelReference,
  { hub, signal }: Remote,
): Promise<CheckpointFiles> {
  if (reference.type === "url") return urlFiles(reference.url, { token: hub.token, signal });
  const { repository, revision, file, quantisation } = reference;
  const list = await listRepository(hub, reference, signal);
  const location = `hf:${repository}${revision === "main" ? "" : `@${revision}`}`;
  if (
    file === undefined &&
    quantisation === undefined &&
    !list.some(({ path }) => path.endsWith(".gguf"))
  )
    return filesOf(
      location,
      list.filter(({ path }) => !path.includes("/")),
      { token: hub.token, signal },
    );
  const single = list.find(({ path }) => path === file);
  if (single && !single.path.endsWith(".gguf"))
    return filesOf(`${location}/${file}`, [single], { token: hub.token, signal });
  const { chooseFiles } = await import("./choose-files.ts");
  const choice = chooseFiles(reference, list);
  const plain = choice.files.map((one) => ({ ...one, path: basename(one.path) }));
  return filesOf(`hf:${choice.name}`, plain, { token: hub.token, signal });
}

interface Access {
  readonly token: HostToken | undefined;
  readonly signal: AbortSignal;
}

function filesOf(location: string, list: readonly RemoteFile[], access: Access): CheckpointFiles {
  const byName = new Map(list.map((file) => [file.path, file]));
  const find = (name: string): RemoteFile => {
    const file = byName.get(name);
    if (!file) throw usageError(`${location} has no file ${name}`);
    return file;
  };
  return {
    location,
    names: [...byName.keys()].sort(),
    sizeOf: async (name) => find(name).sizeBytes ?? 0,
    read: async (name, start, length) =>
      (await readRange(find(name).url, { start, length, ...access })).bytes,
  };
}

/** A file by its URL, with its shards, whose sizes are asked for first. */
async function urlFiles(address: string, access: Access): Promise<CheckpointFiles> {
  const url = new URL(address);
  const name = decodeURIComponent(basename(url.pathname));
  const found: RemoteFile[] = [];
  for (const path of shardNames(name)) {
    const own = new URL(url);
    own.pathname = url.pathname.slice(0, -basename(url.pathname).length) + encodeURIComponent(path);
    try {
      const { total } = await readRange(own.href, { start: 0, length: 1, ...access });
      found.push({ path, url: own.href, sizeBytes: total, sha256: undefined });
    } catch (thrown) {
      const isMissing = thrown instanceof KimiError && thrown.code === "unknown-model";
      if (path === name || !isMissing) throw thrown;
    }
  }
  return filesOf(address, found, access);
}

interface Range extends Access {
  readonly start: number;
  readonly length: number;
}

/** Where a server ignores ranges, so much is read to get at the piece; more is refused. */
const mostSkipped = 64 << 20;

async function readRange(
  url: string,
  { start, length, token, signal }: Range,
): Promise<{ readonly bytes: Buffer; readonly total: number }> {
  if (length === 0) return { bytes: Buffer.alloc(0), total: start };
  const headers = { range: `bytes=${start}-${start + length - 1}` };
  const response = await httpGet(url, { token, signal, headers });
  try {
    const { skip, total } = rangeOf(response, { url, start });
    const end = skip + length;
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of response.body) {
      pieces.push(piece as Buffer);
      size += (piece as Buffer).length;
      if (size >= end) break;
    }
    const bytes = Buffer.concat(pieces).subarray(skip, end);
    if (bytes.length < Math.min(length, total - start)) throw brokenOff(url);
    return { bytes, total };
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown instanceof KimiError ? thrown : brokenOff(url, thrown);
  } finally {
    response.body.destroy();
  }
}

function rangeOf(
  response: GetResponse,
  { url, start }: { readonly url: string; readonly start: number },
): { readonly skip: number; readonly total: number } {
  const { status, headers } = response;
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers["content-range"] ?? "");
    if (range && Number(range[1]) === start) return { skip: 0, total: Number(range[2]) };
  } else if (status !== 200) throw statusError(response, url);
  else if (start <= mostSkipped && headers["content-length"] !== undefined)
    return { skip: start, total: Number(headers["content-length"]) };
  throw new KimiError(`${new URL(url).origin} does not serve parts of files (HTTP ranges)`, {
    code: "download",
    hint: "Pull the model first and inspect it then.",
  });
}

function brokenOff(url: string, cause?: unknown): KimiError {
  return new KimiError(`${url} did not come whole: the connection broke off`, {
    code: "download",
    exitCode: 75,
    hint: "Try again.",
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}
