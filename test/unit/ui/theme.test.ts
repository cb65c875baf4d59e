import { describe, expect, test } from "vitest";
import { createTheme } from "../../../src/ui/theme.ts";
import type { Style, Theme } from "../../../src/ui/theme.ts";

type Rgb = readonly [number, number, number];

const backgrounds = { dark: [18, 18, 22], light: [252, 252, 250] } as const;

function stylesOf(theme: Theme): [name: string, style: Style][] {
  const own = Object.entries(theme).filter(
    (entry): entry is [string, Style] => typeof entry[1] === "function",
  );
  return [...own, ...Object.entries(theme.syntax)];
}

function luminance([red, green, blue]: Rgb): number {
  const linear = [red, green, blue].map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
}

function contrast(one: Rgb, other: Rgb): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** The colours of a terminal's 256 beyond the 16 that the user sets. */
function xtermColor(index: number): Rgb {
  if (index >= 232) return [8 + (index - 232) * 10, 8 + (index - 232) * 10, 8 + (index - 232) * 10];
  const level = (step: number): number => (step === 0 ? 0 : 55 + step * 40);
  const cube = index - 16;
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)];
}

function colorOf(styled: string): Rgb | undefined {
  const exact = /\[38;2;(\d+);(\d+);(\d+)m/.exec(styled);
  if (exact !== null) return [Number(exact[1]), Number(exact[2]), Number(exact[3])];
  const index = /\[38;5;(\d+)m/.exec(styled)?.[1];
  return index === undefined ? undefined : xtermColor(Number(index));
}

describe("createTheme", () => {
  for (const background of ["dark", "light"] as const)
    for (const colorLevel of [2, 3] as const)
      test(`its colours are legible on ${background}, at level ${colorLevel}`, () => {
        const theme = createTheme({ colorLevel, background, hyperlinks: false });
        const poor = stylesOf(theme)
          .map(([name, style]) => ({ name, color: colorOf(style("x")) }))
          .filter(({ color }) => color !== undefined)
          .filter(({ color }) => contrast(color ?? [0, 0, 0], backgrounds[background]) < 4.5);
        expect(poor).toEqual([]);
      });

  test("has a colour for each style that is no attribute", () => {
    const theme = createTheme({ colorLevel: 3, background: "dark", hyperlinks: false });
    const plain = stylesOf(theme).filter(([, style]) => colorOf(style("x")) === undefined);
    expect(plain.map(([name]) => name)).toEqual(["bold", "italic", "underline", "strike"]);
  });

  test("takes the terminal's own colours where there are 16", () => {
    const theme = createTheme({ colorLevel: 1, background: "light", hyperlinks: false });
    expect(theme.error("x")).toBe("\u001B[31mx\u001B[39m");
  });

  test("writes no escape sequence without colour, and no links", () => {
    const theme = createTheme({ colorLevel: 0, background: "dark", hyperlinks: true });
    for (const [, style] of stylesOf(theme)) expect(style("a\nb")).toBe("a\nb");
    expect(theme.hyperlinks).toBe(false);
  });

  test("opens and closes each style on each line", () => {
    const theme = createTheme({ colorLevel: 3, background: "dark", hyperlinks: true });
    for (const [, style] of stylesOf(theme))
      expect(style("a\nb").split("\n")).toEqual([style("a"), style("b")]);
  });
});
