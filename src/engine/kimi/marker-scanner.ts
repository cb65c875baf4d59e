import type { PromptPiece } from "../text-engine.ts";
import * as token from "./control-tokens.ts";

/** Markers of calls and of thinking, each with the token it stands for. */
const callMarkers: readonly (readonly [string, string])[] = [
  [token.sectionBegin, token.sectionBegin],
  [token.sectionEnd, token.sectionEnd],
  ["<|tool_call_section_begin|>", token.sectionBegin], // the singular, as some engines write it
  ["<|tool_call_section_end|>", token.sectionEnd],
  [token.callBegin, token.callBegin],
  [token.argumentBegin, token.argumentBegin],
  [token.callEnd, token.callEnd],
  [token.thinkBegin, token.thinkBegin],
  [token.thinkEnd, token.thinkEnd],
];

const endMarkers = token.stopTokens.map((marker) => [marker, marker] as const);

/**
 * Finds markers in streamed text. What may be the start of one is held back until it is known, so
 * the pieces do not depend on how the text was cut.
 */
export class MarkerScanner {
  readonly #tokens: ReadonlyMap<string, string>;
  readonly #pattern: RegExp;
  readonly #starts: readonly string[];
  #held = "";

  /** `ends`: whether tokens that end a reply count, as in a raw completion they do. */
  constructor({ ends }: { readonly ends: boolean }) {
    const markers = ends ? [...callMarkers, ...endMarkers] : callMarkers;
    this.#tokens = new Map(markers);
    this.#starts = markers.map(([marker]) => marker);
    this.#pattern = new RegExp(
      this.#starts.map((marker) => marker.replaceAll(/[|[\]]/g, "\\$&")).join("|"),
      "g",
    );
  }

  push(text: string): PromptPiece[] {
    const input = this.#held + text;
    if (!/[<[]/.test(input)) {
      this.#held = "";
      return input === "" ? [] : [{ type: "text", text: input }];
    }
    const pieces: PromptPiece[] = [];
    let from = 0;
    for (const match of input.matchAll(this.#pattern)) {
      if (match.index > from) pieces.push({ type: "text", text: input.slice(from, match.index) });
      const token = this.#tokens.get(match[0]) ?? match[0];
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
    const longest = 27; // one less than the longest marker
    for (let at = Math.max(0, text.length - longest); at < text.length; at++) {
      const first = text.charCodeAt(at);
      if (first !== 60 && first !== 91) continue; // "<" and "["
      const end = text.slice(at);
      if (this.#starts.some((marker) => marker.startsWith(end))) return end.length;
    }
    return 0;
  }
}
