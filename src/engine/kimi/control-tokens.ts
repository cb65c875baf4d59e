/** K2's control tokens, by the names of its `tokenizer_config.json` (k2-facts §2.3). */

export const imEnd = "<|im_end|>";
export const imUser = "<|im_user|>";
export const imAssistant = "<|im_assistant|>";
export const imSystem = "<|im_system|>";
export const imMiddle = "<|im_middle|>";
export const sectionBegin = "<|tool_calls_section_begin|>";
export const sectionEnd = "<|tool_calls_section_end|>";
export const callBegin = "<|tool_call_begin|>";
export const argumentBegin = "<|tool_call_argument_begin|>";
export const callEnd = "<|tool_call_end|>";
export const thinkBegin = "<think>";
export const thinkEnd = "</think>";
export const endOfSequence = "[EOS]";
export const endOfTurn = "[EOT]";

/** What ends a reply. */
export const stopTokens: readonly string[] = [imEnd, endOfSequence, endOfTurn];

/** Ids that K2 gives the 256 places after its 163,584 ordinary tokens; other places are reserved. */
const places: Readonly<Record<number, string>> = {
  0: "[BOS]",
  1: endOfSequence,
  2: imEnd,
  3: imUser,
  4: imAssistant,
  6: "<|start_header_id|>",
  7: "<|end_header_id|>",
  9: endOfTurn,
  10: imSystem,
  11: sectionBegin,
  12: sectionEnd,
  13: callBegin,
  14: argumentBegin,
  15: callEnd,
  17: imMiddle,
  18: "<|media_begin|>",
  19: "<|media_content|>",
  20: "<|media_end|>",
  21: "<|media_pad|>",
  22: thinkBegin,
  23: thinkEnd,
  254: "[UNK]",
  255: "[PAD]",
};

/** Name and id of each control token of a vocabulary with that many ordinary tokens. */
export function standardControlTokens(ordinaryTokens: number): Map<string, number> {
  const tokens = new Map<string, number>();
  for (let place = 0; place < 256; place++) {
    const id = ordinaryTokens + place;
    tokens.set(places[place] ?? `<|reserved_token_${id}|>`, id);
  }
  return tokens;
}
