import stringWidth from "string-width";
import type { LiveLines } from "../live-view.ts";

/**
 * A narrower window breaks the rows of the frame that are too wide for it, and the frame is taller than
 * what drew it knows. How many rows its first one has moved up from where it is looked for: those above
 * the cursor count, since all is reckoned from there.
 */
export function rowsByReflow({ lines, cursor }: LiveLines, columns: number): number {
  const above = lines.slice(0, cursor?.y ?? lines.length);
  return above.reduce(
    (sum, line) => sum + Math.max(0, Math.ceil(stringWidth(line) / columns) - 1),
    0,
  );
}

/** Terminals that cut rows instead of breaking them: xterm, the Linux console, GNU screen. */
export function breaksRows(environment: Readonly<Record<string, string | undefined>>): boolean {
  const { XTERM_VERSION: xterm, STY: screen, TERM: term = "" } = environment;
  return xterm === undefined && screen === undefined && term !== "linux";
}
