import type { PromptPiece } from "../text-engine.ts";
import * as token from "./control-tokens.ts";

/** Markers, each with the token it stands for. */
const markers: ReadonlyMap<string, string> = new Map([
  [token.sectionBegin, token.sectionBegin],
  [token.sectionEnd, token.sectionEnd],
  ["<|tool_call_section_begin|>", token.sectionBegin], // the singular, as some engines write it
  ["<|tool_call_section_end|>", token.sectionEnd],
  [token.callBegin, token.callBegin],
  [token.argumentBegin, token.argumentBegin],
  [token.callEnd, token.callEnd],
  [token.thinkBegin, token.thinkBegin],
  [token.thinkEnd, token.thinkEnd],
  ...token.stopTokens.map((marker) => [marker, marker] as const),
]);

const spellings = [...markers.keys()];
const anyMarker = new RegExp(
  spellings.map((marker) => marker.replaceAll(/[|[\]]/g, "\\$&")).join("|"),
  "g",
);
const longestStart = Math.max(...spellings.map(({ length }) => length)) - 1;

/**
 * Finds markers in streamed text. What may be the start of one is held back until it is known, so
 * the pieces do not depend on how the text was cut.
 */
export class MarkerScanner {
  #held = "";

  push(text: string): PromptPiece[] {
    const input = this.#held + text;
    if (!/[<[]/.test(input)) {
      this.#held = "";
      return input === "" ? [] : [{ type: "text", text: input }];
    }
    const pieces: PromptPiece[] = [];
    let from = 0;
    for (const match of input.matchAll(anyMarker)) {
      if (match.index > from) pieces.push({ type: "text", text: input.slice(from, match.index) });
      const token = markers.get(match[0]) ?? match[0];
      pieces.push({ type: "control", token, spelled: true });
      from = match.index + match[0].length;
    }
    const rest = input.slice(from);
    const held = this.#possibleStart(rest);
    this.#held = rest.slice(rest.length - held);
    if (rest.length > held) pieces.push({ type: "text", text: rest.slice(0, rest.length - held) });
    return pieces;
  }

  /** What was held back and turned out to be text. */
  end(): PromptPiece[] {
    const held = this.#held;
    this.#held = "";
    return held === "" ? [] : [{ type: "text", text: held }];
  }

  /** Length of the longest end of `text` that begins a marker. */
  #possibleStart(text: string): number {
    for (let at = Math.max(0, text.length - longestStart); at < text.length; at++) {
      const first = text.charCodeAt(at);
      if (first !== 60 && first !== 91) continue; // "<" and "["
      const end = text.slice(at);
      if (spellings.some((marker) => marker.startsWith(end))) return end.length;
    }
    return 0;
  }
}
