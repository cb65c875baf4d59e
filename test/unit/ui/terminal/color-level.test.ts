import { expect, test } from "vitest";
import { colorLevelOf, showsHyperlinks } from "../../../../src/ui/terminal/color-level.ts";

const xterm = { TERM: "xterm-256color" };

test.each([
  [{}, 1],
  [{ TERM: "xterm" }, 1],
  [xterm, 2],
  [{ ...xterm, COLORTERM: "truecolor" }, 3],
  [{ ...xterm, COLORTERM: "24bit" }, 3],
  [{ TERM: "xterm-kitty" }, 3],
  [{ TERM: "xterm-direct" }, 3],
  [{ TERM: "dumb", COLORTERM: "truecolor" }, 0],
  [{ ...xterm, NO_COLOR: "1" }, 0],
  [{ ...xterm, NO_COLOR: "0" }, 0],
  [{ ...xterm, NO_COLOR: "" }, 2],
  [{ ...xterm, FORCE_COLOR: "0" }, 0],
  [{ ...xterm, FORCE_COLOR: "false" }, 0],
  [{ ...xterm, FORCE_COLOR: "1" }, 1],
  [{ TERM: "dumb", FORCE_COLOR: "2" }, 2],
  [{ ...xterm, FORCE_COLOR: "3" }, 3],
  [{ ...xterm, FORCE_COLOR: "true" }, 2],
  [{ TERM: "dumb", FORCE_COLOR: "true" }, 1],
  [{ TERM: "dumb", FORCE_COLOR: "" }, 1],
  [{ ...xterm, NO_COLOR: "1", FORCE_COLOR: "1" }, 1],
  [{ ...xterm, NO_COLOR: "1", FORCE_COLOR: "0" }, 0],
])("%j has colours of level %i", (environment, level) => {
  expect(colorLevelOf(environment)).toBe(level);
});

test.each([
  [{}, false],
  [{ TERM: "xterm-256color" }, false],
  [{ TERM: "xterm-kitty" }, true],
  [{ TERM: "alacritty" }, true],
  [{ TERM: "foot" }, true],
  [{ TERM_PROGRAM: "iTerm.app" }, true],
  [{ TERM_PROGRAM: "vscode" }, true],
  [{ TERM_PROGRAM: "Apple_Terminal" }, false],
  [{ VTE_VERSION: "7600" }, true],
  [{ VTE_VERSION: "4400" }, false],
  [{ WT_SESSION: "1" }, true],
  [{ KONSOLE_VERSION: "230800" }, true],
  [{ TERM: "screen-256color", VTE_VERSION: "7600" }, false],
  [{ TERM: "tmux-256color", WT_SESSION: "1" }, false],
  [{ TMUX: "/tmp/tmux", TERM: "xterm-kitty" }, false],
  [{ CI: "true", TERM: "xterm-kitty" }, false],
  [{ TERM: "dumb", FORCE_HYPERLINK: "1" }, true],
  [{ TERM: "xterm-kitty", FORCE_HYPERLINK: "0" }, false],
])("%j shows links: %s", (environment, shows) => {
  expect(showsHyperlinks(environment)).toBe(shows);
});
