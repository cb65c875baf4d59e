import type { ToolSpec } from "../../message.ts";
import { readArguments } from "../../message.ts";

/**
 * The function that a call's header names. K2 writes `functions.NAME:INDEX`; what else is read here
 * was seen from some engine (k2-facts §3.3 to §3.8). `undefined`: no name can be read.
 */
export function nameInHeader(
  header: string,
  argumentsText: string,
  tools: readonly ToolSpec[],
): string | undefined {
  const declared = (name: string): boolean => tools.some((tool) => tool.name === name);
  if (declared(header)) return header;
  const standard = /^(?:functions\.)?(.+?)\s*:\s*\d+$/s.exec(header);
  if (standard?.[1] !== undefined) return standard[1];
  // Ids that a client rewrote to please another API, and that the model then imitates.
  const flattened = /^functions_(.+)_\d+$/.exec(header);
  if (flattened?.[1] !== undefined && (tools.length === 0 || declared(flattened[1])))
    return flattened[1];
  if (/^\d+$/.test(header)) return toolWithArguments(argumentsText, tools);
  const bare = /^(?:functions\.)?([\w.-]+)$/.exec(header);
  return bare?.[1];
}

/** The one tool that knows all these arguments and requires no others. */
function toolWithArguments(argumentsText: string, tools: readonly ToolSpec[]): string | undefined {
  const read = readArguments(argumentsText);
  if ("error" in read) return undefined;
  const given = Object.keys(read.value);
  const fitting = tools.filter(({ parameters }) => {
    const known = Object.keys((parameters?.["properties"] as object | undefined) ?? {});
    const required = (parameters?.["required"] as readonly string[] | undefined) ?? [];
    return (
      given.every((key) => known.includes(key)) && required.every((key) => given.includes(key))
    );
  });
  return fitting.length === 1 ? fitting[0]?.name : undefined;
}
