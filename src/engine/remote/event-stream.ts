import { createParser } from "eventsource-parser";
import { exitCodes, KimiError } from "../../errors.ts";
import { serverWords } from "./status-error.ts";

export interface EventReading {
  readonly baseUrl: string;
  /** Longest time without an event, milliseconds: comments alone are no reply. */
  readonly silenceMs: number;
  readonly isComplete: () => boolean;
}

/**
 * The JSON of each server-sent event (HTML standard §9.2), those that came together as one list, up to
 * `[DONE]` or the end of the body; or the one JSON object that the body is, from a server that does
 * not stream.
 * @throws KimiError if neither `[DONE]` nor `isComplete` says that the reply was complete.
 */
export async function* readEvents(
  body: AsyncIterable<Buffer>,
  { baseUrl, silenceMs, isComplete }: EventReading,
): AsyncGenerator<readonly object[], void> {
  const waiting: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => waiting.push(data.trim()) });
  const decoder = new TextDecoder();
  let whole: string | undefined;
  let isFirst = true;
  let lastEventAt = performance.now();
  for await (const piece of body) {
    const text = decoder.decode(piece, { stream: true });
    if (isFirst && text.trimStart().startsWith("{")) whole = "";
    isFirst = false;
    if (whole !== undefined) {
      whole += text;
      continue;
    }
    parser.feed(text);
    if (waiting.length > 0) lastEventAt = performance.now();
    else if (performance.now() - lastEventAt > silenceMs) throw onlyComments(baseUrl, silenceMs);
    const end = waiting.indexOf("[DONE]");
    yield* parseAll(end < 0 ? waiting : waiting.slice(0, end), baseUrl);
    if (end >= 0) return;
    waiting.length = 0;
  }
  if (whole !== undefined) yield [parseJson(whole, baseUrl)];
  parser.feed("\n\n"); // a last event whose empty line is missing
  const [last] = waiting;
  if (last === "[DONE]") return;
  if (last !== undefined && isJson(last)) yield [parseJson(last, baseUrl)];
  if (!isComplete()) throw closedEarly(baseUrl);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function onlyComments(baseUrl: string, silenceMs: number): KimiError {
  return new KimiError(`${baseUrl} stalled: nothing but comments for ${silenceMs / 1000} s`, {
    code: "stalled",
    exitCode: exitCodes.tryAgain,
    hint: "Try again later, or give it longer: kimi config set first-token-timeout SECONDS.",
    retryable: true,
  });
}

/** What comes before an event that can't be read is not lost with it. */
function* parseAll(texts: readonly string[], baseUrl: string): Generator<readonly object[], void> {
  const values: object[] = [];
  try {
    for (const text of texts) values.push(parseJson(text, baseUrl));
  } catch (thrown) {
    if (values.length > 0) yield values;
    throw thrown;
  }
  if (values.length > 0) yield values;
}

/** @throws KimiError for text that is not JSON, or that is an error the server reports in its stream. */
export function parseJson(text: string, baseUrl: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new KimiError(
      `${baseUrl} sent JSON that can't be read: ${serverWords(text.slice(0, 80))}`,
      {
        code: "torn-json",
        hint: "The server or a proxy before it damages replies; --no-stream may get around it.",
        cause,
      },
    );
  }
  if (typeof value !== "object" || value === null) return {};
  const { error, object, type } = value as { error?: unknown; object?: unknown; type?: unknown };
  if (error || object === "error" || type === "error") {
    throw new KimiError(`${baseUrl} reports an error: ${serverWords(text)}`, {
      code: "server-error",
      hint: "See the server's log.",
      retryable: true,
    });
  }
  return value;
}

/** The stream ended before the server said that the reply was complete. */
function closedEarly(baseUrl: string): KimiError {
  return new KimiError(`${baseUrl} closed the stream before the reply was complete`, {
    code: "closed-early",
    hint: "What came before it is incomplete; ask again.",
    retryable: true,
  });
}
