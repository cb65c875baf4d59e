import type { IncomingHttpHeaders } from "node:http";
import { exitCodes, KimiError, type ExitCode } from "../../errors.ts";
import type { HttpRequest } from "./http.ts";

export interface ErrorResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface StatusMeaning {
  readonly code: string;
  readonly what: string;
  readonly exitCode: ExitCode;
  readonly hint: string;
  readonly retryable?: boolean;
}

/** An error status as an error with a name, the server's own words in it. */
export function statusError({ endpoint, path }: HttpRequest, response: ErrorResponse): KimiError {
  const { status, headers, body } = response;
  const words = serverWords(body);
  const meaning = meaningOf(status, `${path} ${words}`);
  const retryAfterMs = parseRetryAfter(headers["retry-after"]);
  return new KimiError(
    `${endpoint.baseUrl} ${meaning.what} (HTTP ${status})${words === "" ? "" : `: ${words}`}`,
    {
      code: meaning.code,
      exitCode: meaning.exitCode,
      hint:
        retryAfterMs === undefined
          ? meaning.hint
          : `It asks to wait ${Math.ceil(retryAfterMs / 1000)} s.`,
      retryable: meaning.retryable ?? false,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  );
}

function meaningOf(status: number, context: string): StatusMeaning {
  const { configuration, failed, tryAgain } = exitCodes;
  switch (status) {
    case 401:
      return {
        code: "unauthorized",
        what: "does not accept the API key",
        exitCode: configuration,
        hint: "Set KIMI_API_KEY, or give --api-key; kimi config explain shows which key is used.",
      };
    case 403:
      return {
        code: "forbidden",
        what: "does not allow this with the API key",
        exitCode: configuration,
        hint: "Check what the key may do, and the model's name.",
      };
    case 404:
      return {
        code: "not-found",
        what: "does not know the model or the path",
        exitCode: configuration,
        hint: "Check --model and --base-url; most servers want /v1 at its end.",
      };
    case 408:
    case 429:
      return {
        code: "rate-limited",
        what: "asks to slow down",
        exitCode: tryAgain,
        hint: "Try again later.",
        // A quota that is used up does not come back in seconds.
        retryable: !/quota|balance|billing|exceeded_current/i.test(context),
      };
    case 502:
    case 503:
    case 504:
    case 529:
      return {
        code: "overloaded",
        what: "is overloaded",
        exitCode: tryAgain,
        hint: "Try again later.",
        retryable: true,
      };
    default:
      if (status >= 500) {
        return {
          code: "server-error",
          what: "failed",
          exitCode: failed,
          hint: "See the server's log.",
          retryable: true,
        };
      }
      if (/context length|too long|maximum context|exceeds the (model|context)/i.test(context)) {
        return {
          code: "context-full",
          what: "says that the context is full",
          exitCode: failed,
          hint: "Give less input, or start the server with a longer context.",
        };
      }
      return {
        code: "rejected",
        what: "rejected the request",
        exitCode: failed,
        hint: "Check --model, --protocol and --base-url; --debug shows the request.",
      };
  }
}

/** One line of the server's explanation, from any of the shapes in use. */
export function serverWords(body: string): string {
  let words = body;
  try {
    const json = JSON.parse(body) as {
      error?: { message?: unknown } | string;
      message?: unknown;
      detail?: unknown;
    };
    const found =
      typeof json.error === "object"
        ? json.error?.message
        : (json.error ?? json.message ?? json.detail);
    words = typeof found === "string" ? found : JSON.stringify(found ?? json);
  } catch {
    if (/^\s*</.test(body)) words = ""; // an HTML page
  }
  const line = words.replaceAll(/\s+/g, " ").trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

/** Seconds or an HTTP date, as milliseconds from now. */
function parseRetryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(header.trim())
    ? Number(header) * 1000
    : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
