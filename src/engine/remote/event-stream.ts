import { createParser } from "eventsource-parser";
import { KimiError } from "../../errors.ts";
import { serverWords } from "./status-error.ts";

/**
 * The JSON of each server-sent event (HTML standard §9.2), those that came together as one list, up to
 * `[DONE]` or the end of the body; or the one JSON object that the body is, from a server that does
 * not stream.
 * @throws KimiError if neither `[DONE]` nor `isComplete` says that the reply was complete.
 */
export async function* readEvents(
  body: AsyncIterable<Buffer>,
  { baseUrl, isComplete }: { readonly baseUrl: string; readonly isComplete: () => boolean },
): AsyncGenerator<readonly unknown[], void> {
  const waiting: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => waiting.push(data) });
  const decoder = new TextDecoder();
  let whole: string | undefined;
  let isFirst = true;
  for await (const piece of body) {
    const text = decoder.decode(piece, { stream: true });
    if (isFirst && text.trimStart().startsWith("{")) whole = "";
    isFirst = false;
    if (whole !== undefined) {
      whole += text;
      continue;
    }
    parser.feed(text);
    const end = waiting.indexOf("[DONE]");
    yield* parseAll(end < 0 ? waiting : waiting.slice(0, end), baseUrl);
    if (end >= 0) return;
    waiting.length = 0;
  }
  if (whole !== undefined) yield [parseJson(whole, baseUrl)];
  if (!isComplete()) throw closedEarly(baseUrl);
}

/** What comes before an event that can't be read is not lost with it. */
function* parseAll(texts: readonly string[], baseUrl: string): Generator<readonly unknown[], void> {
  const values: unknown[] = [];
  try {
    for (const text of texts) values.push(parseJson(text, baseUrl));
  } catch (thrown) {
    if (values.length > 0) yield values;
    throw thrown;
  }
  if (values.length > 0) yield values;
}

/** @throws KimiError for text that is not JSON, or that is an error the server reports in its stream. */
export function parseJson(text: string, baseUrl: string): unknown {
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
  if (typeof value === "object" && value !== null && "error" in value && value.error) {
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
