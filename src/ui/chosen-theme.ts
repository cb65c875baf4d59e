import { createTheme, type Theme } from "./theme.ts";

export interface ThemeOptions {
  readonly colorLevel: 0 | 1 | 2 | 3;
  readonly hyperlinks: boolean;
  readonly choice: "auto" | "dark" | "light";
  /** Until the terminal has answered. */
  readonly background: "dark" | "light";
}

/** The theme by the person's choice, or by what the terminal says of its background. */
export class ChosenTheme {
  #options: ThemeOptions;
  #theme: Theme;

  constructor(options: ThemeOptions) {
    this.#options = options;
    this.#theme = themeOf(options);
  }

  get now(): Theme {
    return this.#theme;
  }

  choose(choice: "auto" | "dark" | "light"): void {
    this.#change({ choice });
  }

  /** What the terminal says. */
  learn(background: "dark" | "light"): void {
    this.#change({ background });
  }

  #change(change: Partial<ThemeOptions>): void {
    this.#options = { ...this.#options, ...change };
    this.#theme = themeOf(this.#options);
  }
}

function themeOf({ colorLevel, hyperlinks, choice, background }: ThemeOptions): Theme {
  return createTheme({
    colorLevel,
    background: choice === "auto" ? background : choice,
    hyperlinks,
  });
}
