import type { JsonSchema, ToolSpec } from "../../message.ts";
import { atEnd, type ByteState } from "../constraint/byte-state.ts";
import { jsonValue } from "../constraint/json-state.ts";
import { readSchema } from "../constraint/read-schema.ts";
import type { ReplyState } from "../text-engine.ts";
import type { CallCounter } from "./call-ids.ts";
import { argumentBegin, callBegin, callEnd, sectionBegin, sectionEnd } from "./control-tokens.ts";

export interface CallsToConstrain {
  readonly tools: readonly ToolSpec[];
  /** Of the conversation before the reply; is not moved on. */
  readonly counter: CallCounter;
}

/**
 * Calls in K2's form (k2-facts §3.1) to declared functions, with the ids that come next and arguments
 * that satisfy their schema as far as `readSchema` understands it. Outside calls nothing is refused.
 * A call that opens without a section is held to the same, and what follows it is free.
 */
export function constrainCalls(calls: CallsToConstrain): ReplyState {
  return outside(calls, 0);
}

function outside(calls: CallsToConstrain, made: number): ReplyState {
  const here: ReplyState = {
    nextByte: () => here,
    nextControl: (token) => {
      if (token === sectionBegin) return between(calls, { made, canEnd: false });
      return token === callBegin ? header(calls, made, outside(calls, made + 1)) : here;
    },
  };
  return here;
}

/** In a section, before or after a call. */
function between(
  calls: CallsToConstrain,
  { made, canEnd }: { readonly made: number; readonly canEnd: boolean },
): ReplyState {
  return {
    nextByte: () => undefined,
    nextControl: (token) => {
      if (token === callBegin)
        return header(calls, made, between(calls, { made: made + 1, canEnd: true }));
      return token === sectionEnd && canEnd ? outside(calls, made) : undefined;
    },
  };
}

/** Ids that a call may have, as bytes, each with its tool. */
interface Header {
  readonly id: Uint8Array;
  readonly parameters: JsonSchema;
}

function header({ tools, counter }: CallsToConstrain, made: number, after: ReplyState): ReplyState {
  const encoder = new TextEncoder();
  const headers = tools.map(({ name, parameters }) => ({
    id: encoder.encode(counter.idAfter(made, name)),
    parameters,
  }));
  return headerFrom(headers, 0, after);
}

/** `headers` are equal in their first `read` bytes. */
function headerFrom(headers: readonly Header[], read: number, after: ReplyState): ReplyState {
  return {
    nextByte: (byte) => {
      const left = headers.filter(({ id }) => id[read] === byte);
      return left.length === 0 ? undefined : headerFrom(left, read + 1, after);
    },
    nextControl: (token) => {
      const named = headers.find(({ id }) => id.length === read);
      return token === argumentBegin && named
        ? argumentsFrom(argumentsOf(named.parameters), after)
        : undefined;
    },
  };
}

function argumentsFrom(json: ByteState, after: ReplyState): ReplyState {
  const here: ReplyState = {
    nextByte: (byte) => {
      const next = json.next(byte);
      if (next === json) return here; // inside a string: a whole vocabulary may be asked for
      return next && argumentsFrom(next, after);
    },
    nextControl: (token) => (token === callEnd && json.canEnd ? after : undefined),
  };
  return here;
}

const anyObject: JsonSchema = { type: "object" };
const read = new WeakMap<JsonSchema, ByteState>();

/** Read at the first call, and once as long as the tool keeps its schema. */
function argumentsOf(parameters: JsonSchema): ByteState {
  const known = read.get(parameters);
  if (known) return known;
  const shape = readSchema(parameters)([parameters, anyObject]);
  // A schema that nothing satisfies can't be a reason to stop in the middle of a call.
  const possible = shape.kinds.length > 0 ? shape : readSchema(anyObject)([anyObject]);
  const state = jsonValue(possible, atEnd);
  read.set(parameters, state);
  return state;
}
