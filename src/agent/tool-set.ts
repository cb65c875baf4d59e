import { KimiError, messageOf } from "../errors.ts";
import { readArguments, type ToolCall, type ToolSpec } from "../message.ts";
import { compileSchema, type Validate } from "./json-schema.ts";
import type { PreparedCall, Tool } from "./tool.ts";

export type BoundCall =
  | { readonly tool: Tool; readonly prepared: PreparedCall }
  /** For the model. */
  | { readonly error: string };

/** The tools of a run by name; a schema is compiled when its tool is first called. */
export class ToolSet {
  readonly #tools = new Map<string, { readonly tool: Tool; validate: Validate | undefined }>();

  /** @throws KimiError for a name that two tools share. */
  constructor(tools: readonly Tool[]) {
    for (const tool of tools) {
      if (this.#tools.has(tool.name)) {
        throw new KimiError(`two tools are named ${tool.name}`, {
          code: "bad-tool",
          hint: "Give only one of them to --tools, or rename the function of the other.",
        });
      }
      this.#tools.set(tool.name, { tool, validate: undefined });
    }
  }

  get specs(): readonly ToolSpec[] {
    return [...this.#tools.values()].map(({ tool: { name, description, parameters } }) => ({
      name,
      description,
      parameters,
    }));
  }

  /** Checks a call and binds it to its tool, without starting anything. */
  bind(call: ToolCall): BoundCall {
    if (call.error !== undefined) return { error: call.error };
    const found = this.#tools.get(call.name);
    if (!found) {
      const names = [...this.#tools.keys()].join(", ");
      return {
        error: `unknown tool ${call.name}${names === "" ? "" : `; the tools are: ${names}`}`,
      };
    }
    const read = readArguments(call.arguments);
    if ("error" in read) return read;
    try {
      found.validate ??= compileSchema(found.tool.parameters, { isChecked: false });
      const problem = found.validate(read.value);
      if (problem !== undefined)
        return { error: `the arguments do not fit the tool's parameters: ${problem}` };
      const prepared = found.tool.prepare(read.value);
      return typeof prepared?.start === "function"
        ? { tool: found.tool, prepared }
        : { error: `the tool ${call.name} prepared nothing that can be started` };
    } catch (cause) {
      return { error: messageOf(cause) };
    }
  }
}

/** For tools that are not ours. @throws KimiError for parameters that are no schema. */
export function checkParameters(tool: Tool): void {
  try {
    compileSchema(tool.parameters);
  } catch (cause) {
    throw new KimiError(
      `the parameters of tool ${tool.name} are not a valid JSON Schema: ${messageOf(cause)}`,
      {
        code: "bad-tool",
        hint: "Correct the schema; JSON Schema 2020-12 and draft 7 are understood.",
        cause,
      },
    );
  }
}
