import { stripVTControlCharacters } from "node:util";
import type { AgentEvent } from "../agent/events.ts";
import type { Output, Renderer } from "./renderer.ts";

export interface TextOptions {
  readonly output: Output;
  /** Whether text is shown as it comes. Without it only a turn that turns out to be the last is written. */
  readonly live: boolean;
  /** Whether the output is a terminal, which control characters of a model must not reach. */
  readonly isTerminal: boolean;
}

/**
 * The answer and nothing else, with one line break at its end. Text before a tool call is not the
 * answer: live, it gets a line of its own; else it goes nowhere here.
 */
export function textRenderer({ output, live, isTerminal }: TextOptions): Renderer {
  const clean = isTerminal ? withoutControls : (text: string): string => text;
  let held = ""; // line breaks at the end so far, or without `live` the whole turn
  let wrote = false;
  const write = (text: string): void => {
    const all = held + text;
    const shown = withoutLastBreaks(all);
    held = all.slice(shown.length);
    if (shown === "") return;
    output.write(clean(shown));
    wrote = true;
  };
  const event = (happened: AgentEvent): void => {
    switch (happened.type) {
      case "turn-start":
        if (wrote) output.write("\n");
        wrote = false;
        held = "";
        break;
      case "text-delta":
        if (live) write(happened.text);
        else held += happened.text;
        break;
      default:
        break;
    }
  };
  return {
    start() {},
    event,
    end({ answer, status }) {
      if (live) {
        if (wrote) output.write("\n");
      } else if (status !== "error" && answer.trim() !== "")
        output.write(`${clean(withoutLastBreaks(answer))}\n`);
    },
  };
}

function withoutLastBreaks(text: string): string {
  return text.replace(/[\r\n]+$/, "");
}

/**
 * Without terminal sequences, and without control characters but tab and line break, so that no sequence
 * can begin where one was cut in two.
 */
export function withoutControls(text: string): string {
  if (!/[^\P{Cc}\t\n]/u.test(text)) return text;
  return stripVTControlCharacters(text).replaceAll(/[^\P{Cc}\t\n]/gu, "");
}
