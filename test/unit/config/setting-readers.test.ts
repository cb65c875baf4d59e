import { describe, expect, test } from "vitest";
import { readSetting } from "../../../src/config/settings.ts";
import { readRules } from "../../../src/config/setting-readers.ts";

describe("approval rules", () => {
  test.each([
    ["", []],
    ["  ", []],
    ["write", ["write"]],
    ["write, execute ,", ["write", "execute"]],
    ["run_command(git status *),mcp.tool-1", ["run_command(git status *)", "mcp.tool-1"]],
    ["t(a, b),u", ["t(a, b)", "u"]],
    ["t()", ["t()"]],
    [String.raw`t(f\(a\, b\)),u`, [String.raw`t(f\(a\, b\))`, "u"]],
    [String.raw`t(\\),u(x)`, [String.raw`t(\\)`, "u(x)"]],
    ["t(a\nb)", ["t(a\nb)"]],
  ])("%j is read as %j", (text, rules) => {
    expect(readRules(text)).toEqual(rules);
  });

  test.each([
    "run_command(git",
    "run_command(git status *",
    "run_command(a, b",
    "run_command (x)",
    "run_command)",
    "run_command(a)b",
    "run_command(a)(b)",
    "run_command(f(a))",
    String.raw`run_command(a\)`,
    "write\\",
    "write execute",
    "a b(c)",
    ",",
    "(x)",
    "*",
    "write;execute",
  ])("%j is refused: half a rule would be another one", (text) => {
    expect(() => readRules(text)).toThrow(/is no list of rules such as/);
    expect(() => readSetting("allow", text, "--allow")).toThrow(
      expect.objectContaining({
        exitCode: 3,
        hint: expect.stringContaining("allow") as string,
      }) as Error,
    );
  });
});
