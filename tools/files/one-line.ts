import { firstCharacters } from "./spill.ts";

/** The first line of a text, short enough for a summary; a mark if that is not all. */
export function oneLine(text: string): string {
  const whole = text.trim();
  const shown = firstCharacters(whole.split("\n", 1)[0] ?? "", 80).trimEnd();
  return shown === whole ? shown : `${shown}…`;
}
