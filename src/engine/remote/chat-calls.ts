import { readArguments, type ToolCall, type ToolSpec } from "../../message.ts";
import type { EngineEvent } from "../engine.ts";
import type { CallCounter } from "../kimi/call-ids.ts";
import { nameInHeader } from "../kimi/call-header.ts";
import { unwrapArguments, type OutputParserOptions } from "../kimi/output-parser.ts";

/** A piece of a call in a chunk's `delta.tool_calls`. */
export interface CallDelta {
  readonly index?: number | null;
  readonly id?: string | null;
  readonly function?: { readonly name?: string | null; readonly arguments?: unknown } | null;
}

interface OpenCall {
  readonly index: number | undefined;
  serverId: string;
  id: string | undefined;
  name: string;
  arguments: string;
}

/** Puts calls together from their pieces; engines disagree on which of index and id they send. */
export class ChatCalls {
  readonly #tools: readonly ToolSpec[];
  readonly #counter: CallCounter;
  readonly #calls: OpenCall[] = [];

  constructor({ tools, counter }: OutputParserOptions) {
    this.#tools = tools;
    this.#counter = counter;
  }

  push(delta: CallDelta): EngineEvent[] {
    const call = this.#find(delta) ?? this.#open(delta);
    const { name, arguments: piece } = delta.function ?? {};
    // A name that comes again is the same name; one that grows does so before the arguments.
    if (name && call.name !== name && call.arguments === "") call.name += name;
    const text = typeof piece === "string" ? piece : piece ? JSON.stringify(piece) : "";
    call.arguments += text;
    if (text === "" || call.name === "") return [];
    call.id ??= this.#counter.id(call.name);
    return [{ type: "tool-call-delta", id: call.id, name: call.name, text }];
  }

  /** The whole calls; one that a token limit cut off, before its arguments or in them, is left out. */
  end(reason: string): ToolCall[] {
    const isWhole = ({ arguments: text }: OpenCall): boolean =>
      text.trim() !== "" && !("error" in readArguments(text));
    const whole = this.#calls.filter((call) => reason !== "length" || isWhole(call));
    return whole
      .filter((call) => call.name !== "" || call.arguments !== "")
      .map((call) => {
        const text = unwrapArguments(call.arguments.trim());
        const name = nameInHeader(call.name || call.serverId, text, this.#tools);
        const known = { type: "tool-call" as const, name: name ?? "unknown", arguments: text };
        const id = call.id ?? this.#counter.id(known.name);
        return name === undefined
          ? { ...known, id, error: "the call names no function" }
          : { ...known, id };
      });
  }

  /** The call that a piece goes on with; `undefined` if it begins another. */
  #find({ index, id, function: named }: CallDelta): OpenCall | undefined {
    const isSame = (call: OpenCall): boolean => {
      const sameIndex = index == null || call.index === undefined || call.index === index;
      const sameId = !id || call.serverId === "" || call.serverId === id;
      return sameIndex && sameId;
    };
    const call = index == null && !id ? this.#calls.at(-1) : this.#calls.findLast(isSame);
    if (!call) return undefined;
    // A name after arguments begins another call, unless it is the same one's, sent with every piece.
    const name = named?.name;
    const isWhole = call.arguments.trim() !== "" && !("error" in readArguments(call.arguments));
    const isRepeated = name === call.name && !isWhole;
    if (name && call.name !== "" && call.arguments !== "" && !isRepeated) return undefined;
    // An id that comes late belongs to the call; another one under the same index is another call.
    if (id && call.serverId === "") {
      if (name && call.name !== "") return undefined;
      call.serverId = id;
    }
    return call;
  }

  #open({ index, id }: CallDelta): OpenCall {
    const call = {
      index: index ?? undefined,
      serverId: id ?? "",
      id: undefined,
      name: "",
      arguments: "",
    };
    this.#calls.push(call);
    return call;
  }
}
