import { createTheme } from "../../../../src/ui/theme.ts";

export const plain = createTheme({ colorLevel: 0, background: "dark", hyperlinks: false });
export const colored = createTheme({ colorLevel: 3, background: "dark", hyperlinks: false });
export const linked = createTheme({ colorLevel: 3, background: "dark", hyperlinks: true });

const escape = "\u001B";
const sequences = new RegExp(
  `${escape}\\[[\\d;]*m|${escape}\\]8;;[\\u0021-\\u007E]*${escape}\\\\`,
  "g",
);

/** What a person sees: the line without the sequences that styles and links are made of. */
export const seen = (line: string): string => line.replaceAll(sequences, "");
