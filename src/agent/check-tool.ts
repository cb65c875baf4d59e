import { KimiError } from "../errors.ts";
import type { Tool, ToolEffect } from "./tool.ts";

const effects: readonly ToolEffect[] = ["read", "network", "write", "execute"];

/** Checks that a value from outside is a tool. @throws KimiError naming where it is from. */
export function checkTool(value: unknown, from: string): Tool {
  const tool = value as Partial<Record<keyof Tool, unknown>>;
  const problem =
    typeof tool !== "object" || tool === null
      ? "is no object"
      : typeof tool.name !== "string" || !/^[\w.-]{1,64}$/.test(tool.name)
        ? "has no name of letters, digits, _, - and . (at most 64)"
        : typeof tool.description !== "string"
          ? "has no description"
          : typeof tool.parameters !== "object" || tool.parameters === null
            ? "has no parameters (a JSON Schema of an object)"
            : !effects.includes(tool.effect as ToolEffect)
              ? `has no effect that is one of ${effects.join(", ")}`
              : typeof tool.prepare !== "function"
                ? "has no prepare function"
                : tool.timeoutMs !== undefined &&
                    !(Number(tool.timeoutMs) > 0 && Number(tool.timeoutMs) < 2 ** 31)
                  ? "has a time limit that is no number of up to 24 days"
                  : undefined;
  if (problem === undefined) return value as Tool;
  throw new KimiError(`the tool in ${from} ${problem}`, {
    code: "bad-tool",
    hint: "The README's section on tools shows a whole one.",
  });
}
