import { exitCodes, KimiError } from "../errors.ts";
import type { GetResponse } from "./http-get.ts";

/** What a status that is no success means for someone who wants a model. */
export function statusError({ url, status, headers }: GetResponse, what: string): KimiError {
  const said = headers["x-error-message"];
  const detail = typeof said === "string" ? `: ${said}` : "";
  const where = `${url.origin} (HTTP ${status}${detail})`;
  if (status === 401 || status === 403) {
    return new KimiError(`${what} is refused by ${where}`, {
      code: "unauthorized",
      exitCode: exitCodes.configuration,
      hint: "It does not exist under this name, or needs a token: HF_TOKEN, and the licence accepted on its page.",
    });
  }
  if (status === 404 || status === 410) {
    return new KimiError(`${what} is not there: ${where}`, {
      code: "unknown-model",
      exitCode: exitCodes.usage,
      hint: "Check the name, the revision and the file.",
    });
  }
  const isLater = status === 408 || status === 429 || status >= 500;
  const retryAfterMs = retryAfter(headers["retry-after"]);
  return new KimiError(`${what} can't be had from ${where}`, {
    code: status === 429 ? "rate-limited" : "download",
    exitCode: isLater ? exitCodes.tryAgain : exitCodes.failed,
    hint: isLater
      ? "Try again later: what has come is kept."
      : "Check the address; HF_ENDPOINT names another mirror of Hugging Face.",
    retryable: isLater,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function retryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d+$/.test(header) ? Number(header) * 1000 : undefined;
}
