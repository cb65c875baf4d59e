import type { ClientRequest, IncomingMessage } from "node:http";
import { exitCodes, KimiError } from "../../errors.ts";
import type { Endpoint, Timers } from "./endpoint.ts";
import { statusError } from "./status-error.ts";

export interface HttpRequest {
  readonly endpoint: Endpoint;
  /** Below the base URL: `/chat/completions`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON by POST; without it the request is a GET. */
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/**
 * Sends a request and yields the pieces of the body as they come, once the status is a success.
 * Throws KimiError, named for what went wrong, or `signal.reason`.
 */
export async function* requestBody(request: HttpRequest): AsyncGenerator<Buffer, void> {
  const { signal, endpoint } = request;
  signal.throwIfAborted();
  const watch = new Watch(endpoint);
  const client = send(request);
  const stop = (): void => void client.destroy(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  let response: IncomingMessage | undefined;
  try {
    response = await watch.response(client);
    response.on("error", () => {});
    const status = response.statusCode ?? 0;
    endpoint.trace?.(`HTTP ${status} ${response.headers["content-type"] ?? ""}`);
    if (status < 200 || status > 299) {
      throw statusError(request, {
        status,
        headers: response.headers,
        body: await readAll(response, watch),
      });
    }
    yield* watch.body(response);
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown instanceof KimiError
      ? thrown
      : connectionError(endpoint, thrown as NodeJS.ErrnoException);
  } finally {
    signal.removeEventListener("abort", stop);
    watch.stop();
    if (response && !signal.aborted) await release(response);
    else client.destroy();
  }
}

/** Longest wait for the end of a body after its last event, milliseconds. */
const endOfBodyMs = 50;

/**
 * Lets a body end that its reader is done with, so that the next request finds the connection open;
 * one that does not end at once is closed.
 */
function release(response: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    if (response.closed) return resolve();
    const timer = setTimeout(() => response.destroy(), endOfBodyMs);
    response.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    response.resume();
  });
}

/** The whole body as text. */
export async function requestText(request: HttpRequest): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of requestBody(request)) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}

/** `node:http` taken this way is a tenth of the start-up cost of its ESM import, and less than fetch's. */
function send({ endpoint, path, headers, body }: HttpRequest): ClientRequest {
  const { apiKey } = endpoint;
  const url = new URL(endpoint.baseUrl + path);
  const { request } = process.getBuiltinModule(
    url.protocol === "https:" ? "node:https" : "node:http",
  );
  const payload = body === undefined ? undefined : JSON.stringify(body);
  endpoint.trace?.(`${payload === undefined ? "GET" : "POST"} ${url.href} ${payload ?? ""}`);
  const client = request(url, {
    method: payload === undefined ? "GET" : "POST",
    headers: {
      accept: "application/json, text/event-stream",
      "user-agent": "kimi",
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      ...(payload === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
      ...headers,
    },
  });
  client.setNoDelay(true);
  client.on("error", () => {}); // seen by whoever waits for the response or reads it
  client.end(payload);
  return client;
}

async function readAll(response: IncomingMessage, watch: Watch): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of watch.body(response)) {
    pieces.push(piece);
    size += piece.length;
    if (size > 1 << 20) break; // an error page that large says no more than its start
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** Bytes; a larger piece has many tokens already. */
const smallPiece = 4_096;

/** A timer is not that late for any other reason. */
const suspendedMs = 1_000;

/** Nobody sees the difference: a third of a frame. */
const joinMs = 10;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The three timers of a request: one runs at a time. */
class Watch {
  readonly #timers: Timers;
  readonly #baseUrl: string;
  #timer: NodeJS.Timeout | undefined;
  #isWaiting = true;
  #armedAt = 0;
  #expired: KimiError | undefined;

  constructor({ timers, baseUrl }: Endpoint) {
    this.#timers = timers;
    this.#baseUrl = baseUrl;
  }

  response(client: ClientRequest): Promise<IncomingMessage> {
    const { connectMs, firstTokenMs } = this.#timers;
    this.#start(client, connectMs, () =>
      this.#timeout("did not accept the connection", connectMs, "connect-timeout"),
    );
    const connected = (): void =>
      this.#start(client, firstTokenMs, () =>
        this.#timeout("sent nothing", firstTokenMs, "first-token-timeout"),
      );
    client.once("socket", (socket) => {
      if (socket.connecting) socket.once("connect", connected);
      else connected();
    });
    return new Promise((resolve, reject) => {
      client.once("error", reject);
      client.once("response", resolve);
    });
  }

  async *body(response: IncomingMessage): AsyncGenerator<Buffer, void> {
    const { idleMs } = this.#timers;
    let isFirst = true;
    try {
      for await (const piece of response.iterator({ destroyOnReturn: false })) {
        this.#isWaiting = false; // while the consumer works, the server is not waited for
        yield piece as Buffer;
        // What comes meanwhile is one piece: half of the work of a token is the way of its event.
        if ((piece as Buffer).length < smallPiece) await pause(joinMs);
        this.#isWaiting = true;
        // Far cheaper than a new timer for every token.
        this.#armedAt = performance.now();
        if (!isFirst) this.#timer?.refresh();
        else
          this.#start(response, idleMs, () =>
            this.#timeout("stalled: it sent nothing more", idleMs, "stalled"),
          );
        isFirst = false;
      }
    } catch (cause) {
      if (this.#expired) throw this.#expired; // the stream itself only knows that it was destroyed
      throw new KimiError(
        `the connection to ${this.#baseUrl} broke off in the middle of the reply`,
        {
          code: "connection-lost",
          hint: "What came before it is incomplete; ask again.",
          retryable: true,
          cause,
        },
      );
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(stream: ClientRequest | IncomingMessage, ms: number, error: () => KimiError): void {
    clearTimeout(this.#timer);
    this.#armedAt = performance.now();
    this.#timer = setTimeout(() => {
      // Long overdue: the whole program was suspended, and what came meanwhile is not read yet.
      const wasSuspended = performance.now() - this.#armedAt > ms + suspendedMs;
      if (this.#isWaiting && !wasSuspended) return stream.destroy((this.#expired = error()));
      this.#armedAt = performance.now();
      this.#timer?.refresh();
    }, ms);
  }

  #timeout(what: string, ms: number, code: string): KimiError {
    return new KimiError(`${this.#baseUrl} ${what} for ${ms / 1000} s`, {
      code,
      exitCode: exitCodes.tryAgain,
      hint: "Try again later, or give it longer: kimi config set first-token-timeout SECONDS (idle-timeout, connect-timeout).",
      retryable: true,
    });
  }
}

function connectionError({ baseUrl }: Endpoint, cause: NodeJS.ErrnoException): KimiError {
  const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: "nothing listens there",
    ENOTFOUND: "there is no such host",
    EAI_AGAIN: "the host's name can't be looked up",
    EHOSTUNREACH: "the host can't be reached",
    ENETUNREACH: "the network can't be reached",
    ECONNRESET: "it closed the connection without an answer",
    HPE_INVALID_CONSTANT: "what answers there does not speak HTTP",
  };
  const tls = /CERT|SSL|TLS/.test(cause.code ?? "");
  const reason = reasons[cause.code ?? ""] ?? (cause.message || cause.code);
  return new KimiError(`can't reach ${baseUrl}: ${reason}`, {
    code: "unreachable",
    exitCode: exitCodes.tryAgain,
    hint: tls
      ? "Add the certificate with NODE_EXTRA_CA_CERTS, or use an http:// address."
      : "Check the address (--base-url) and that the server is up.",
    retryable: !tls,
    cause,
  });
}
