import { KimiError } from "../errors.ts";
import { httpGet, type HostToken } from "./http-get.ts";
import { statusError } from "./status-error.ts";

/** Hugging Face, or a mirror that speaks its protocol. */
export interface Hub {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** Sent to this endpoint alone. */
  readonly token: HostToken | undefined;
}

export interface RemoteFile {
  /** In its repository, or the last part of its URL. */
  readonly path: string;
  readonly url: string;
  /** Bytes, where the server says it beforehand. */
  readonly sizeBytes: number | undefined;
  /** Hexadecimal. */
  readonly sha256: string | undefined;
}

export interface Repository {
  readonly repository: string;
  readonly revision: string;
}

/** By the environment: `HF_ENDPOINT` and `HF_TOKEN`, as Hugging Face's own programs. */
export function openHub(environment: Readonly<Record<string, string | undefined>>): Hub {
  const endpoint = (environment["HF_ENDPOINT"] || "https://huggingface.co").replace(/\/+$/, "");
  const value = environment["HF_TOKEN"]?.trim();
  if (!URL.canParse(endpoint)) {
    throw new KimiError(`HF_ENDPOINT is no URL: ${endpoint}`, {
      code: "configuration",
      exitCode: 3,
      hint: "Set it to https://huggingface.co or to a mirror's address.",
    });
  }
  return { endpoint, token: value ? { origin: new URL(endpoint).origin, value } : undefined };
}

const mostPages = 50;
const largestAnswer = 32 << 20;

/**
 * The files of a repository (`GET /api/models/ORG/NAME/tree/REVISION`), with the SHA-256 of those in LFS.
 * @throws KimiError for a repository that is not there or not for us.
 */
export async function listRepository(
  hub: Hub,
  { repository, revision }: Repository,
  signal: AbortSignal,
): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  const base = `${hub.endpoint}/${repository}/resolve/${encodeURIComponent(revision)}`;
  let next: string | undefined =
    `${hub.endpoint}/api/models/${repository}/tree/${encodeURIComponent(revision)}?recursive=true`;
  for (let page = 0; next !== undefined && page < mostPages; page++) {
    const response = await httpGet(next, { token: hub.token, signal });
    if (response.status !== 200) {
      response.body.destroy();
      throw statusError(response, `${repository}@${revision}`);
    }
    const text = await readText(response.body);
    files.push(...parseTree(text, base, next));
    const link: string | undefined = /<([^>]+)>;\s*rel="next"/.exec(
      String(response.headers.link ?? ""),
    )?.[1];
    next = link === undefined ? undefined : new URL(link, next).href;
  }
  return files;
}

function parseTree(text: string, base: string, url: string): RemoteFile[] {
  try {
    return (JSON.parse(text) as readonly TreeEntry[]).flatMap((entry) => {
      if (entry.type !== "file") return [];
      const { path, size, lfs } = entry;
      if (typeof path !== "string" || !isSafePath(path)) throw new Error(`a file is named ${path}`);
      const sha256 = lfs?.oid?.replace(/^sha256:/, "");
      const isSum = sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256);
      return [
        {
          path,
          url: `${base}/${path.split("/").map(encodeURIComponent).join("/")}`,
          sizeBytes: lfs?.size ?? size,
          sha256: isSum ? sha256 : undefined,
        },
      ];
    });
  } catch (cause) {
    throw new KimiError(`${new URL(url).origin} answers with no list of files`, {
      code: "download",
      hint: "Check HF_ENDPOINT: it must speak Hugging Face's protocol.",
      cause,
    });
  }
}

interface TreeEntry {
  readonly type?: string;
  readonly path?: string;
  readonly size?: number;
  readonly lfs?: { readonly oid?: string; readonly size?: number };
}

/** Below its folder, on any system. */
export function isSafePath(path: string): boolean {
  const parts = path.split("/");
  return (
    !/[\\:\p{Cc}]/u.test(path) &&
    parts.every((part) => part !== "" && part !== "." && part !== "..")
  );
}

async function readText(body: AsyncIterable<unknown>): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    pieces.push(piece as Buffer);
    size += (piece as Buffer).length;
    if (size > largestAnswer) throw new Error("the list of files is too long");
  }
  return Buffer.concat(pieces).toString("utf8");
}
