/** Flags for tool calls and thinking, as far as the engine's version has K2's parsers. */
import type { DeployRequest } from "../serving-engine.ts";

export interface ToolCallFlags {
  readonly flags: readonly string[];
  /** How clients have to talk to it. */
  readonly protocol: "chat" | "completions";
  readonly notes: readonly string[];
}

const parser = "kimi_k2";

/** The flags of one of an engine's commands. Without its own parser ours reads the raw completion. */
export function toolCallFlags(request: DeployRequest, command: string): ToolCallFlags {
  const { model, engine, engineVersion, hasFlag, choicesOf } = request;
  const knows = (flag: string): boolean =>
    hasFlag(command, flag) && (choicesOf(command, flag)?.includes(parser) ?? true);
  const isThinking = /thinking/i.test(model.name);
  const flag = engine === "tensorrt-llm" ? "--tool_parser" : "--tool-call-parser";
  const reasoning = engine === "tensorrt-llm" ? "--reasoning_parser" : "--reasoning-parser";
  if (!knows(flag))
    return {
      flags: [],
      protocol: "completions",
      notes: [
        `${engine} ${engineVersion} has no tool-call parser for K2: kimi asks for raw completions and parses the calls itself (--protocol completions); other clients get them as text.`,
      ],
    };
  return {
    flags: [
      ...(hasFlag(command, "--enable-auto-tool-choice") ? ["--enable-auto-tool-choice"] : []),
      flag,
      parser,
      ...(isThinking && knows(reasoning) ? [reasoning, parser] : []),
    ],
    protocol: "chat",
    notes: [],
  };
}

export const openEndpointNote =
  "The endpoint answers everybody who reaches its port: keep it in a private network, or put a proxy with a key before it.";
