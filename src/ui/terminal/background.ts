/** Asks for the background colour (OSC 11); a terminal that knows it answers among the keys. */
export const backgroundQuery = "\u001b]11;?\u0007";

/** Whether a terminal's reply tells of a dark or a light background; `undefined` for another reply. */
export function backgroundOf(reply: string): "dark" | "light" | undefined {
  const found = /^11;rgba?:([\da-f]+)\/([\da-f]+)\/([\da-f]+)/i.exec(reply);
  if (!found) return undefined;
  const [red = 0, green = 0, blue = 0] = found
    .slice(1)
    .map((digits) => Number.parseInt(digits, 16) / (16 ** digits.length - 1));
  // Relative luminance, ITU-R BT.709.
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5 ? "dark" : "light";
}

/** What the environment says, where the terminal does not: `COLORFGBG` is `foreground;background`. */
export function backgroundFromEnvironment(colors: string | undefined): "dark" | "light" {
  const last = Number(colors?.split(";").at(-1) ?? Number.NaN);
  return last === 7 || (last >= 9 && last <= 15) ? "light" : "dark";
}
