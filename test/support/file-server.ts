/** Servers on loopback that give files, well or badly, as Hugging Face and its CDN do. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface FileServer {
  readonly url: string;
  /** `GET /path range if-range` of every request, and whether it had a key. */
  readonly requests: readonly {
    readonly path: string;
    readonly range: string | undefined;
    readonly ifRange: string | undefined;
    readonly authorization: string | undefined;
  }[];
}

/** Answers one after another; the last is repeated. */
export async function startFileServer(
  ...answers: readonly [Answer, ...Answer[]]
): Promise<FileServer> {
  const requests: FileServer["requests"][number][] = [];
  const waiting = [...answers];
  let answer: Answer = answers[0];
  const server = createServer((request, response) => {
    const { range, "if-range": ifRange, authorization } = request.headers;
    requests.push({
      path: request.url ?? "",
      range,
      ifRange: ifRange as string | undefined,
      authorization,
    });
    answer = waiting.shift() ?? answer;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

interface Served {
  readonly etag?: string;
  /** Bytes after which the connection is cut. */
  readonly dropAfter?: number;
  readonly ignoresRange?: boolean;
  readonly ignoresIfRange?: boolean;
  /** What it says that it has, all in all. */
  readonly claims?: number;
}

/** A file as a good server gives it, but for what is asked otherwise. */
export function serve(bytes: Buffer, served: Served = {}): Answer {
  const { etag = `"${sha256Of(bytes)}"`, dropAfter, ignoresRange, ignoresIfRange } = served;
  const total = served.claims ?? bytes.length;
  return (request, response) => {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const ifRange = request.headers["if-range"];
    const isSame = ifRange === undefined || ifRange === etag || ignoresIfRange;
    const start = range && isSame && !ignoresRange ? Number(range[1]) : 0;
    const end = range?.[2] ? Math.min(Number(range[2]) + 1, total) : total;
    const isPart = range && isSame && !ignoresRange;
    if (isPart && start >= total) {
      response.writeHead(416, { "content-range": `bytes */${total}` }).end();
      return;
    }
    response.writeHead(isPart ? 206 : 200, {
      etag,
      "content-length": (isPart ? end : total) - start,
      ...(isPart ? { "content-range": `bytes ${start}-${end - 1}/${total}` } : {}),
    });
    const sent = bytes.subarray(start, isPart ? end : undefined);
    if (dropAfter === undefined && sent.length === (isPart ? end : total) - start)
      response.end(sent);
    else response.write(sent.subarray(0, dropAfter), () => response.destroy());
  };
}

export function status(code: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) => void response.writeHead(code, headers).end();
}

/** Files of a repository behind Hugging Face's paths, each with its answer or served well. */
export function hub(
  repository: string,
  files: Readonly<Record<string, Buffer>>,
  answers: Readonly<Record<string, Answer>> = {},
): Answer {
  return (request, response) => {
    const path = decodeURIComponent((request.url ?? "").split("?")[0] ?? "");
    if (path.startsWith(`/api/models/${repository}/tree/`)) {
      const list = Object.entries(files).map(([path, bytes]) => ({
        type: "file",
        path,
        size: bytes.length,
        ...(/\.(gguf|safetensors)$/.test(path)
          ? { lfs: { oid: sha256Of(bytes), size: bytes.length } }
          : {}),
      }));
      response.end(JSON.stringify(list));
      return;
    }
    const name = path.replace(`/${repository}/resolve/main/`, "");
    const bytes = files[name];
    const answer = answers[name] ?? (bytes ? serve(bytes) : status(404));
    answer(request, response);
  };
}

export function sha256Of(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
