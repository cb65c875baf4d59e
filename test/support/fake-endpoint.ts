/** Servers on loopback that speak the three protocols, well or badly. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Protocol } from "../../src/config/settings.ts";

/** What the model behind the server says, in K2's own terms. */
export interface FakeReply {
  readonly thinking?: string;
  readonly content?: string;
  readonly calls?: readonly {
    readonly name: string;
    readonly arguments: string;
    readonly id?: string;
  }[];
  /** Sends the first pieces and then nothing more. */
  readonly hangs?: boolean;
}

/** Writes whatever it likes. */
export type RawReply = (response: ServerResponse) => void;

interface ReceivedRequest {
  readonly path: string;
  /** Of the client's side of the connection. */
  readonly port: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: RequestBody;
}

/** What any of the protocols sends. */
interface RequestBody {
  readonly [field: string]: unknown;
  readonly messages: readonly Readonly<Record<string, unknown>>[];
}

export interface FakeEndpoint {
  /** With `/v1` at its end. */
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** Connections that are open now. */
  openConnections(): Promise<number>;
}

/** Replies one after another; the last is repeated. Closed when the test ends. */
export async function startEndpoint(
  protocol: Protocol,
  replies: readonly (FakeReply | RawReply)[],
  { models = listOneModel }: { readonly models?: RawReply } = {},
): Promise<FakeEndpoint> {
  const requests: ReceivedRequest[] = [];
  const waiting = [...replies];
  let last: FakeReply | RawReply = { content: "" };
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const path = request.url ?? "";
      requests.push({
        path,
        port: request.socket.remotePort,
        headers: request.headers,
        body: body as RequestBody,
      });
      if (path.endsWith("/models")) return models(response);
      last = waiting.shift() ?? last;
      if (typeof last === "function") return last(response);
      const pieces = encode(protocol, last, body as RequestLimits);
      return pieces.stream
        ? sendStream(response, pieces, last.hangs ?? false)
        : sendJson(response, pieces.whole);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    openConnections: () =>
      new Promise((resolve) => server.getConnections((_, count) => resolve(count))),
  };
}

const listOneModel: RawReply = (response) =>
  sendJson(response, { data: [{ id: "fake", max_model_len: 4096 }] });

async function readBody(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return pieces.length === 0 ? undefined : JSON.parse(Buffer.concat(pieces).toString("utf8"));
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

/** The head of a stream of server-sent events. */
export function startEvents(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
}

export function event(value: unknown): string {
  return `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
}

function sendStream(response: ServerResponse, { events }: Encoded, hangs: boolean): void {
  startEvents(response);
  for (const [index, text] of events.entries()) {
    if (hangs && index === 3) return;
    response.write(text);
  }
  response.end();
}

/** A stream of these pieces, each written by itself. */
export const stream =
  (...pieces: readonly string[]): RawReply =>
  (response) => {
    startEvents(response);
    for (const piece of pieces) response.write(piece);
    response.end();
  };

/** An answer with this status. */
export const status =
  (code: number, body = "", headers: Record<string, string> = {}): RawReply =>
  (response) =>
    void response.writeHead(code, headers).end(body);

interface RequestLimits {
  readonly stream?: boolean;
  readonly max_tokens?: number;
}

interface Encoded {
  readonly stream: boolean;
  readonly events: readonly string[];
  readonly whole: unknown;
}

/** A token has four characters here. */
const tokensOf = (text: string): string[] => text.match(/.{1,4}/gs) ?? [];

function encode(
  protocol: Protocol,
  reply: FakeReply,
  { stream: streams = false, max_tokens: limit }: RequestLimits,
): Encoded {
  switch (protocol) {
    case "chat":
      return { stream: streams, ...encodeChat(reply, limit) };
    case "completions":
      return { stream: streams, ...encodeCompletion(reply, limit) };
    case "anthropic":
      return { stream: streams, ...encodeAnthropic(reply, limit) };
    default:
      return protocol satisfies never;
  }
}

interface Cut {
  readonly thinking: string[];
  readonly content: string[];
  readonly calls: { readonly name: string; readonly id: string; readonly arguments: string[] }[];
  readonly isCut: boolean;
  readonly count: number;
}

/** The reply as tokens, as many of them as the limit allows. */
function cut(
  { thinking = "", content = "", calls = [] }: FakeReply,
  limit = Number.POSITIVE_INFINITY,
): Cut {
  let left = limit;
  let isCut = false;
  const take = (tokens: string[]): string[] => {
    const taken = tokens.slice(0, left);
    isCut ||= taken.length < tokens.length;
    left -= taken.length;
    return taken;
  };
  const result = {
    thinking: take(tokensOf(thinking)),
    content: take(tokensOf(content)),
    calls: calls.map((call, index) => ({
      name: call.name,
      id: call.id ?? `call_${index}`,
      arguments: take(tokensOf(call.arguments)),
    })),
  };
  return { ...result, isCut, count: limit === Number.POSITIVE_INFINITY ? 7 : limit - left };
}

function encodeChat(reply: FakeReply, limit: number | undefined): Omit<Encoded, "stream"> {
  const { thinking, content, calls, isCut, count } = cut(reply, limit);
  const chunk = (delta: object, finish: string | null = null): string =>
    event({ choices: [{ index: 0, delta, finish_reason: finish }] });
  const finish = isCut ? "length" : calls.length > 0 ? "tool_calls" : "stop";
  const usage = { prompt_tokens: 11, completion_tokens: count };
  const events = [
    chunk({ role: "assistant", content: "" }),
    ...thinking.map((token) => chunk({ reasoning_content: token })),
    ...content.map((token) => chunk({ content: token })),
    ...calls.flatMap(({ name, id, arguments: tokens }, index) => [
      chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
      ...tokens.map((token) => chunk({ tool_calls: [{ index, function: { arguments: token } }] })),
    ]),
    chunk({}, finish),
    event({ choices: [], usage }),
    event("[DONE]"),
  ];
  const message = {
    role: "assistant",
    content: content.join("") || null,
    ...(thinking.length > 0 ? { reasoning_content: thinking.join("") } : {}),
    tool_calls: calls.map(({ name, id, arguments: tokens }) => ({
      id,
      type: "function",
      function: { name, arguments: tokens.join("") },
    })),
  };
  return { events, whole: { choices: [{ index: 0, message, finish_reason: finish }], usage } };
}

function encodeCompletion(
  { thinking, content = "", calls = [] }: FakeReply,
  limit: number | undefined,
): Omit<Encoded, "stream"> {
  const thought = thinking === undefined ? "" : `<think>${thinking}</think>`;
  const section = calls.map(
    ({ name, arguments: args, id }, index) =>
      `<|tool_call_begin|>${id ?? `functions.${name}:${index}`}<|tool_call_argument_begin|>${args}<|tool_call_end|>`,
  );
  const text =
    thought +
    content +
    (section.length > 0
      ? `<|tool_calls_section_begin|>${section.join("")}<|tool_calls_section_end|>`
      : "");
  const { content: tokens, isCut, count } = cut({ content: text }, limit);
  const finish = isCut ? "length" : "stop";
  const usage = { prompt_tokens: 11, completion_tokens: count };
  const chunk = (token: string, reason: string | null = null): string =>
    event({ choices: [{ index: 0, text: token, finish_reason: reason }] });
  return {
    events: [
      ...tokens.map((token) => chunk(token)),
      chunk("", finish),
      event({ choices: [], usage }),
      event("[DONE]"),
    ],
    whole: { choices: [{ index: 0, text: tokens.join(""), finish_reason: finish }], usage },
  };
}

function encodeAnthropic(reply: FakeReply, limit: number | undefined): Omit<Encoded, "stream"> {
  const { thinking, content, calls, isCut, count } = cut(reply, limit);
  const stop = isCut ? "max_tokens" : calls.length > 0 ? "tool_use" : "end_turn";
  const named = (value: { type: string; [field: string]: unknown }): string =>
    `event: ${value.type}\n${event(value)}`;
  const blocks: { start: object; deltas: object[]; whole: object }[] = [];
  if (thinking.length > 0) {
    blocks.push({
      start: { type: "thinking", thinking: "" },
      deltas: [
        ...thinking.map((token) => ({ type: "thinking_delta", thinking: token })),
        { type: "signature_delta", signature: "sig" },
      ],
      whole: { type: "thinking", thinking: thinking.join(""), signature: "sig" },
    });
  }
  if (content.length > 0) {
    blocks.push({
      start: { type: "text", text: "" },
      deltas: content.map((token) => ({ type: "text_delta", text: token })),
      whole: { type: "text", text: content.join("") },
    });
  }
  for (const { name, id, arguments: tokens } of calls) {
    blocks.push({
      start: { type: "tool_use", id, name, input: {} },
      deltas: tokens.map((token) => ({ type: "input_json_delta", partial_json: token })),
      whole: {
        type: "tool_use",
        id,
        name,
        input: isCut ? {} : (JSON.parse(tokens.join("") || "{}") as object),
      },
    });
  }
  const usage = { input_tokens: 11, output_tokens: count };
  const events = [
    named({
      type: "message_start",
      message: { content: [], usage: { input_tokens: 11, output_tokens: 1 } },
    }),
    ...blocks.flatMap(({ start, deltas }, index) => [
      named({ type: "content_block_start", index, content_block: start }),
      ...deltas.map((delta) => named({ type: "content_block_delta", index, delta })),
      named({ type: "content_block_stop", index }),
    ]),
    named({
      type: "message_delta",
      delta: { stop_reason: stop },
      usage: { output_tokens: count },
    }),
    named({ type: "message_stop" }),
  ];
  return {
    events,
    whole: { type: "message", content: blocks.map(({ whole }) => whole), stop_reason: stop, usage },
  };
}
