import { openTokenizer } from "../engine/open-engine.ts";
import { CallCounter } from "../engine/kimi/call-ids.ts";
import { MarkerScanner } from "../engine/kimi/marker-scanner.ts";
import { OutputParser } from "../engine/kimi/output-parser.ts";
import { spellPrompt, writePrompt } from "../engine/kimi/prompt-writer.ts";
import { parseKeepingNumbers } from "../engine/kimi/python-json.ts";
import type { KimiTokenizer } from "../engine/kimi/tokenizer.ts";
import { readChatRequest } from "../engine/remote/read-chat-request.ts";
import { exitCodes, messageOf, usageError } from "../errors.ts";
import { readArguments, type ToolSpec } from "../message.ts";
import { decode } from "./stdin.ts";
import { embeddedModelFile } from "./setup.ts";

export async function formatPrompt({ lines }: { readonly lines: boolean }): Promise<number> {
  const write = (text: string): string =>
    spellPrompt(writePrompt(readChatRequest(parseRequest(text))));
  return lines ? eachLine((line) => ({ prompt: write(line) })) : whole(write);
}

function parseRequest(text: string): unknown {
  try {
    return parseKeepingNumbers(text);
  } catch (cause) {
    throw usageError(
      `the request is not JSON: ${messageOf(cause)}`,
      "Pipe a chat-completions request as JSON.",
    );
  }
}

export async function formatParse({ lines }: { readonly lines: boolean }): Promise<number> {
  if (!lines) return whole((text) => `${JSON.stringify(parseCompletion(text, []))}\n`);
  return eachLine((line) => {
    const { output, tools = [] } = parseLine(line) as { output?: unknown; tools?: unknown };
    if (typeof output !== "string") {
      throw usageError("output is missing", 'A line is {"output": "…", "tools": […]}.');
    }
    if (!Array.isArray(tools))
      throw usageError("tools is not a list", "Leave it out, or give a list.");
    const specs = (tools as (ToolItem | null)[]).flatMap((item) =>
      item?.function?.name === undefined ? [] : [item.function],
    );
    return parseCompletion(output, specs);
  });
}

interface ToolItem {
  readonly function?: ToolSpec;
}

/** A raw completion as the message of a chat completion; a call that can't be used says why beside its function. */
function parseCompletion(output: string, tools: readonly ToolSpec[]): object {
  const scanner = new MarkerScanner();
  const parser = new OutputParser({ tools, counter: new CallCounter([]) });
  const pieces = [...scanner.push(output), ...scanner.end()];
  const events = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end("stop")];
  const joined = (type: "text-delta" | "thinking-delta"): string =>
    events.map((event) => (event.type === type ? event.text : "")).join("");
  const calls = events.flatMap((event) => {
    if (event.type !== "tool-call") return [];
    const { id, name, arguments: text, error } = event.call;
    const read = readArguments(text);
    const isUnknown = tools.length > 0 && !tools.some((tool) => tool.name === name);
    const problem =
      error ?? ("error" in read ? read.error : isUnknown ? `no tool is named ${name}` : undefined);
    return [
      {
        id,
        type: "function",
        function: { name, arguments: text },
        ...(problem === undefined ? {} : { error: problem }),
      },
    ];
  });
  return {
    content: joined("text-delta"),
    reasoning_content: joined("thinking-delta") || null,
    tool_calls: calls,
    finish_reason: calls.length > 0 ? "tool_calls" : "stop",
  };
}

export interface TokensOptions {
  readonly lines: boolean;
  readonly decode: boolean;
  /** A path; the embedded model's if left out. */
  readonly vocabulary: string | undefined;
}

export async function formatTokens(options: TokensOptions): Promise<number> {
  const tokenizer = await openTokenizer(options.vocabulary ?? embeddedModelFile());
  if (options.lines) {
    return eachLine((line) => {
      const { text, ids } = parseLine(line) as { text?: unknown; ids?: unknown };
      if (typeof text === "string") return { ids: tokenizer.encode(text) };
      return { text: tokenizer.decode(checkIds(ids, tokenizer)) };
    });
  }
  if (!options.decode) return whole((text) => `${JSON.stringify(tokenizer.encode(text))}\n`);
  return whole((text) => {
    const words = /^\s*\[?([\d\s,]*)\]?\s*$/.exec(text)?.[1]?.replaceAll(",", " ").trim();
    if (words === undefined) throw notIds();
    return tokenizer.decode(
      checkIds(words === "" ? [] : words.split(/\s+/).map(Number), tokenizer),
    );
  });
}

const idsHint = 'Give ids as numbers: [1, 2, 3]; in lines as {"ids": [1, 2, 3]}.';

function notIds(): Error {
  return usageError("there is neither text nor ids", idsHint);
}

function checkIds(ids: unknown, tokenizer: KimiTokenizer): readonly number[] {
  if (!Array.isArray(ids)) throw notIds();
  const bad = (ids as number[]).find((id) => !Number.isInteger(id) || !tokenizer.has(id));
  if (bad !== undefined) throw usageError(`${String(bad)} is no id of this vocabulary`, idsHint);
  return ids as number[];
}

function parseLine(line: string): object {
  const value = JSON.parse(line) as unknown;
  if (typeof value === "object" && value !== null) return value;
  throw usageError("the line is not a JSON object", "Write one object a line.");
}

async function whole(convert: (text: string) => string): Promise<number> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  process.stdout.write(convert(decode(Buffer.concat(pieces), { ignoreBOM: true })));
  return exitCodes.done;
}

/** One line out for each line in, as they come; a line that can't be used gives `{"error"}`. */
async function eachLine(convert: (line: string) => object): Promise<number> {
  let exitCode: number = exitCodes.done;
  let rest: Buffer = Buffer.alloc(0);
  const convertSafely = (line: Buffer): string => {
    try {
      return `${JSON.stringify(convert(decode(line)))}\n`;
    } catch (cause) {
      exitCode = exitCodes.failed;
      return `${JSON.stringify({ error: messageOf(cause) })}\n`;
    }
  };
  for await (const piece of process.stdin) {
    let buffer = rest.length === 0 ? (piece as Buffer) : Buffer.concat([rest, piece as Buffer]);
    let out = "";
    for (let end = buffer.indexOf(10); end >= 0; end = buffer.indexOf(10)) {
      const line = buffer.subarray(0, end);
      buffer = buffer.subarray(end + 1);
      if (line.length > 0 && line.toString("latin1") !== "\r") out += convertSafely(line);
    }
    rest = buffer;
    if (out !== "" && !process.stdout.write(out))
      await new Promise((resolve) => process.stdout.once("drain", resolve));
  }
  if (rest.length > 0) process.stdout.write(convertSafely(rest));
  return exitCode;
}
