import type { ClientRequest, IncomingMessage } from "node:http";
import { exitCodes, KimiError } from "../errors.ts";

/** A key and the only origin it is sent to, also after redirects. */
export interface HostToken {
  readonly origin: string;
  readonly value: string;
}

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: HostToken | undefined;
  readonly signal: AbortSignal;
  /** How long the connection may be silent, milliseconds; a minute if left out. */
  readonly idleMs?: number;
}

export interface GetResponse {
  /** After redirects. */
  readonly url: URL;
  readonly status: number;
  /** Of the last response. */
  readonly headers: IncomingMessage["headers"];
  /** What Hugging Face says of the file when it redirects to where the bytes are. */
  readonly linked: { readonly sha256: string | undefined; readonly sizeBytes: number | undefined };
  readonly body: IncomingMessage;
}

const mostRedirects = 10;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Asks for a URL and follows redirects. Any status but a redirect is a result; the body must be read or
 * destroyed by the caller.
 * @throws KimiError for a server that can't be reached, or `signal.reason`.
 */
export async function httpGet(address: string | URL, options: GetOptions): Promise<GetResponse> {
  let url = new URL(address);
  let linked: GetResponse["linked"] = { sha256: undefined, sizeBytes: undefined };
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const body = await getOnce(url, options);
    const { statusCode: status = 0, headers } = body;
    linked = {
      sha256: linked.sha256 ?? sha256In(headers["x-linked-etag"]),
      sizeBytes: linked.sizeBytes ?? numberIn(headers["x-linked-size"]),
    };
    if (!redirects.has(status) || headers.location === undefined)
      return { url, status, headers, linked, body };
    body.destroy();
    const next = new URL(headers.location, url);
    if (url.protocol === "https:" && next.protocol !== "https:")
      throw failure(url, `it redirects to ${next.origin}, without encryption`);
    url = next;
  }
  throw failure(url, `it redirects more than ${mostRedirects} times`);
}

function getOnce(
  url: URL,
  { headers, token, signal, idleMs = 60_000 }: GetOptions,
): Promise<IncomingMessage> {
  signal.throwIfAborted();
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw failure(url, `${url.protocol} is not supported`);
  const { request } = process.getBuiltinModule(
    url.protocol === "https:" ? "node:https" : "node:http",
  );
  return new Promise((resolve, reject) => {
    const client: ClientRequest = request(url, {
      headers: {
        accept: "*/*",
        "accept-encoding": "identity",
        "user-agent": "kimi",
        ...(token?.origin === url.origin ? { authorization: `Bearer ${token.value}` } : {}),
        ...headers,
      },
      signal,
    });
    client.setTimeout(idleMs, () =>
      client.destroy(new Error(`it was silent for ${idleMs / 1000} s`)),
    );
    client.on("error", (cause: NodeJS.ErrnoException) =>
      reject(signal.aborted ? (signal.reason as Error) : unreachable(url, cause)),
    );
    client.on("response", (response) => {
      response.on("error", () => {}); // seen by whoever reads it
      resolve(response);
    });
    client.end();
  });
}

function unreachable(url: URL, cause: NodeJS.ErrnoException): KimiError {
  const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: "nothing listens there",
    ENOTFOUND: "there is no such host",
    EAI_AGAIN: "the host's name can't be looked up",
    ECONNRESET: "it closed the connection without an answer",
  };
  return failure(url, reasons[cause.code ?? ""] ?? (cause.message || String(cause.code)), cause);
}

function failure(url: URL, reason: string, cause?: unknown): KimiError {
  return new KimiError(`can't reach ${url.origin}: ${reason}`, {
    code: "unreachable",
    exitCode: exitCodes.tryAgain,
    hint: "Check the address and the network; HF_ENDPOINT names another mirror of Hugging Face.",
    retryable: cause !== undefined,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The sum in an ETag of Hugging Face's, if it is one. */
function sha256In(etag: string | string[] | undefined): string | undefined {
  return typeof etag === "string" ? /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(etag)?.[1] : undefined;
}

function numberIn(header: string | string[] | undefined): number | undefined {
  return typeof header === "string" && /^\d+$/.test(header) ? Number(header) : undefined;
}
