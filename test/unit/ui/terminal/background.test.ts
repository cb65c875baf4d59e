import { expect, test } from "vitest";
import { backgroundFromEnvironment, backgroundOf } from "../../../../src/ui/terminal/background.ts";

test.each([
  ["11;rgb:1e1e/1e1e/1e1e", "dark"],
  ["11;rgb:ffff/ffff/ffff", "light"],
  ["11;rgb:FD/F6/E3", "light"],
  ["11;rgb:00/2b/36", "dark"],
  ["11;rgb:f/f/f", "light"],
  ["11;rgb:fff/fff/fff", "light"],
  ["11;rgba:0000/0000/0000/ffff", "dark"],
  ["11;rgba:ff/ff/ff/00", "light"],
  ["11;rgb:0000/ffff/0000", "light"], // green is bright
  ["11;rgb:0000/0000/ffff", "dark"], // blue is not
] as const)("%s is a %s background", (reply, background) => {
  expect(backgroundOf(reply)).toBe(background);
});

test.each([
  [""],
  ["10;rgb:ffff/ffff/ffff"],
  ["11;?"],
  ["11;rgb:ff/ff"],
  ["11;rgb:gg/gg/gg"],
  ["4;11;rgb:0/0/0"],
])("%j tells nothing of the background", (reply) => {
  expect(backgroundOf(reply)).toBeUndefined();
});

test.each([
  [undefined, "dark"],
  ["", "dark"],
  ["15;0", "dark"],
  ["0;15", "light"],
  ["0;7", "light"],
  ["7;8", "dark"],
  ["0;default;15", "light"],
  ["0;default", "dark"],
] as const)("COLORFGBG=%s means a %s background", (colors, background) => {
  expect(backgroundFromEnvironment(colors)).toBe(background);
});
