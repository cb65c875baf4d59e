import { Chalk } from "chalk";
import type { ChalkInstance } from "chalk";

/**
 * Styles one piece of text. What it returns holds all its escape sequences on each line, so that a
 * line never leaks style into the next. Without colour it returns the text as it is.
 */
export type Style = (text: string) => string;

export interface Theme {
  /** 0 is no escape sequence at all, 1 the terminal's 16 colours, 2 the 256 of xterm, 3 any. */
  readonly colorLevel: 0 | 1 | 2 | 3;
  readonly background: "dark" | "light";
  /** Whether links are written as OSC 8 sequences; never at colour level 0. */
  readonly hyperlinks: boolean;
  readonly bold: Style;
  readonly dim: Style;
  readonly italic: Style;
  readonly underline: Style;
  readonly strike: Style;
  readonly heading: Style;
  readonly code: Style;
  readonly link: Style;
  readonly quote: Style;
  readonly accent: Style;
  readonly user: Style;
  readonly success: Style;
  readonly warning: Style;
  readonly error: Style;
  readonly added: Style;
  readonly removed: Style;
  /** Bullets and numbers of lists. */
  readonly marker: Style;
  /** Lines of tables, of quotes, between sections. */
  readonly border: Style;
  /** By scope of highlight.js, such as `keyword` or `title.function`. */
  readonly syntax: Readonly<Record<string, Style>>;
}

type NamedColor = "red" | "green" | "yellow" | "magenta" | "cyan" | "blueBright" | "gray";

interface Color {
  /** On each background: any colour, and of xterm's 256 (chalk takes a nearest one that is too far). */
  readonly dark: readonly [hex: string, index: number];
  readonly light: readonly [hex: string, index: number];
  /** Of the terminal's own 16, which suit the user's background. */
  readonly named: NamedColor;
}

const colors = {
  gray: { dark: ["#9aa0aa", 247], light: ["#5c6370", 241], named: "gray" },
  blue: { dark: ["#7ab8ff", 75], light: ["#0b57a8", 25], named: "blueBright" },
  violet: { dark: ["#c8a0f5", 183], light: ["#7028a8", 54], named: "magenta" },
  amber: { dark: ["#e8c070", 179], light: ["#7f4a00", 94], named: "yellow" },
  orange: { dark: ["#f2a56b", 215], light: ["#934300", 88], named: "yellow" },
  green: { dark: ["#8fd694", 114], light: ["#1b6b2c", 22], named: "green" },
  red: { dark: ["#ff8f94", 210], light: ["#b01f2a", 124], named: "red" },
  teal: { dark: ["#6fd6c8", 80], light: ["#00646e", 23], named: "cyan" },
} as const satisfies Record<string, Color>;

type ColorName = keyof typeof colors;

const syntaxColors: Readonly<Record<string, ColorName>> = {
  keyword: "violet",
  "selector-tag": "violet",
  operator: "violet",
  string: "green",
  regexp: "green",
  addition: "green",
  char: "green",
  number: "orange",
  literal: "orange",
  symbol: "orange",
  bullet: "orange",
  comment: "gray",
  doctag: "gray",
  quote: "gray",
  meta: "gray",
  title: "blue",
  section: "blue",
  "title.function": "blue",
  "title.class": "teal",
  type: "teal",
  built_in: "teal",
  name: "red",
  "selector-class": "amber",
  "selector-id": "amber",
  "selector-attr": "amber",
  "selector-pseudo": "amber",
  attr: "amber",
  attribute: "amber",
  property: "amber",
  variable: "red",
  "template-variable": "red",
  "variable.language": "violet",
  deletion: "red",
  link: "blue",
  code: "amber",
};

export interface ThemeOptions {
  readonly colorLevel: 0 | 1 | 2 | 3;
  readonly background: "dark" | "light";
  readonly hyperlinks: boolean;
}

/** Colours legible on the background (contrast of 4.5 or more), and styles made of them. */
export function createTheme({ colorLevel, background, hyperlinks }: ThemeOptions): Theme {
  const chalk = new Chalk({ level: colorLevel });
  const paint = (name: ColorName, base: ChalkInstance = chalk): Style => {
    if (colorLevel <= 1) return base[colors[name].named];
    const [hex, index] = colors[name][background];
    return colorLevel === 2 ? base.ansi256(index) : base.hex(hex);
  };
  return {
    colorLevel,
    background,
    hyperlinks: hyperlinks && colorLevel > 0,
    bold: chalk.bold,
    // The faint attribute has no certain contrast.
    dim: paint("gray"),
    italic: chalk.italic,
    underline: chalk.underline,
    strike: chalk.strikethrough,
    heading: paint("blue", chalk.bold),
    code: paint("amber"),
    link: paint("blue", chalk.underline),
    quote: paint("gray", chalk.italic),
    accent: paint("violet"),
    user: paint("teal"),
    success: paint("green"),
    warning: paint("amber"),
    error: paint("red"),
    added: paint("green"),
    removed: paint("red"),
    marker: paint("violet"),
    border: paint("gray"),
    syntax: Object.fromEntries(
      Object.entries(syntaxColors).map(([scope, name]) => [scope, paint(name)]),
    ),
  };
}
