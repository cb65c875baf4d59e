import type { ToolCall } from "../../message.ts";
import { readArguments } from "../../message.ts";
import type { EngineEvent } from "../engine.ts";
import type { CallCounter } from "../kimi/call-ids.ts";

/** A piece of a call in a chunk's `delta.tool_calls`. */
export interface CallDelta {
  readonly index?: number | null;
  readonly id?: string | null;
  readonly function?: { readonly name?: string | null; readonly arguments?: unknown } | null;
}

interface OpenCall {
  readonly index: number | undefined;
  readonly serverId: string;
  id: string | undefined;
  name: string;
  arguments: string;
}

/** Puts calls together from their pieces; engines disagree on which of index and id they send. */
export class ChatCalls {
  readonly #counter: CallCounter;
  readonly #calls: OpenCall[] = [];

  constructor(counter: CallCounter) {
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
        const name = call.name === "" ? "unknown" : call.name;
        const common = { type: "tool-call" as const, id: call.id ?? this.#counter.id(name), name };
        const text = call.arguments.trim() || "{}";
        return call.name === ""
          ? { ...common, arguments: text, error: "the call names no function" }
          : { ...common, arguments: text };
      });
  }

  #find({ index, id, function: named }: CallDelta): OpenCall | undefined {
    const last = this.#calls.at(-1);
    if (id) {
      const same = this.#calls.findLast((call) => call.serverId === id);
      if (same) return same;
      // A new id is a new call, even under an index that was used before, unless it only comes late.
      const late = this.#calls.findLast((call) => call.index === index && call.serverId === "");
      return index == null || named?.name ? undefined : late;
    }
    if (index == null) return named?.name && last?.name !== "" ? undefined : last;
    return this.#calls.findLast((call) => call.index === index);
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
