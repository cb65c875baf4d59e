import * as fc from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { allows, restricts, ruleFor } from "../../../src/agent/approval-rules.ts";
import type { ToolEffect } from "../../../src/agent/tool.ts";
import { readRules } from "../../../src/config/setting-readers.ts";

const command = (subject: string) => ({
  toolName: "run_command",
  effect: "execute" as const,
  subject,
});

const nasty = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      "*",
      "(",
      ")",
      "\\",
      ",",
      " ",
      "\n",
      "\t",
      ";",
      "|",
      "$",
      "`",
      "git",
      "-",
      ".",
      "^",
      "[",
      "]",
      "/",
      "=",
      "a",
    ),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});

test("the rule offered for any call can be kept, comes back as one rule, and matches that very call", () => {
  const effects: readonly ToolEffect[] = ["read", "network", "write", "execute"];
  const given = fc.record({
    toolName: fc.stringMatching(/^[\w.-]{1,20}$/),
    effect: fc.constantFrom(...effects),
    subject: fc.option(fc.oneof(nasty, fc.string({ unit: "binary" })), { nil: undefined }),
  });
  fc.assert(
    fc.property(given, ({ subject, ...rest }) => {
      const request = subject === undefined ? rest : { ...rest, subject };
      const rule = ruleFor(request);
      expect(readRules(rule)).toEqual([rule]);
      expect(allows(rule, request)).toBe(true);
      expect(readRules(`write,${rule},t(a,b)`)).toEqual(["write", rule, "t(a,b)"]);
    }),
    { numRuns: 2_000 },
  );
});

test("a rule for a very command allows no other one", () => {
  fc.assert(
    fc.property(nasty, nasty, (one, other) => {
      fc.pre(one !== other);
      const rule = ruleFor(command(one));
      fc.pre(!rule.endsWith(" *)"));
      expect(allows(rule, command(other))).toBe(false);
    }),
  );
});

test.each([
  ["git status", "run_command(git status *)"],
  ["git status --short src", "run_command(git status *)"],
  ["ls -la", "run_command(ls *)"],
  ["npm run build", "run_command(npm run *)"],
  ["  git status", "run_command(  git status)"],
  ["git  status", "run_command(git  status)"],
  ["git\tstatus", "run_command(git\tstatus)"],
  ["git status; ls", "run_command(git status; ls)"],
  ["echo *", String.raw`run_command(echo \*)`],
  ["f(a, b)", String.raw`run_command(f\(a\, b\))`],
  ["rm -rf build", "run_command(rm -rf build)"],
  ["sudo ls", "run_command(sudo ls)"],
  ["/bin/sh script", "run_command(/bin/sh script)"],
  ["python3.12 x.py", "run_command(python3.12 x.py)"],
  ["", "run_command()"],
])("for %j the rule %s is offered", (subject, rule) => {
  expect(ruleFor(command(subject))).toBe(rule);
});

describe("a rule with a wildcard", () => {
  const rule = "run_command(git status *)";

  test.each(["git status", "git status -s", "git status src/a b", "git status 'a b' --x=1"])(
    "allows %j",
    (subject) => {
      expect(allows(rule, command(subject))).toBe(true);
    },
  );

  test.each([
    "git statusx",
    "git stash",
    "sudo git status",
    " git status",
    "git status; rm -rf /",
    "git status;",
    "git status && rm -rf /",
    "git status & rm -rf /",
    "git status | sh",
    "git status $(rm -rf /)",
    "git status `rm -rf /`",
    "git status ${IFS}",
    "git status $HOME",
    "git status\nrm -rf /",
    "git status\r\nrm -rf /",
    "git status > /etc/passwd",
    "git status >> x",
    "git status < x",
    "git status (x)",
  ])("does not allow %j", (subject) => {
    expect(allows(rule, command(subject))).toBe(false);
    expect(allows("run_command(*)", command(`git ${subject.slice(4)};`))).toBe(false);
  });

  test("never allows shell syntax, wherever it is", () => {
    const syntax = fc.constantFrom(";", "&", "|", "<", ">", "$", "`", "(", ")", "\n", "\r");
    const general = fc.constantFrom(
      "run_command(git *)",
      "run_command(*)",
      "run_command(*git*)",
      "execute(git*)",
      String.raw`run_command(*\\*)`,
    );
    fc.assert(
      fc.property(general, nasty, syntax, nasty, (rule, before, character, after) => {
        expect(allows(rule, command(`git ${before}${character}${after}`))).toBe(false);
      }),
    );
  });

  test("may be one for what is written, where a shell is not", () => {
    const write = { toolName: "write_file", effect: "write" as const, subject: "src/a (1) & b.ts" };
    expect(allows("write_file(src/*)", write)).toBe(true);
    expect(allows("write(src/*)", write)).toBe(true);
    expect(allows("write_file(test/*)", write)).toBe(false);
  });
});

describe("a rule that denies or asks", () => {
  const rule = "run_command(rm *)";

  test.each([
    "rm -rf /",
    "rm",
    "rm -rf $HOME",
    "rm x > /dev/null",
    "rm x; ls",
    "cd / && rm -rf x",
    "cd /;rm -rf x",
    "true || rm x",
    "find | rm x",
    "echo $(rm x)",
    "echo `rm x`",
    "(rm x)",
    "{ rm x; }",
    "ls\nrm x",
    "ls & rm\tx",
    "ls;  rm   x",
  ])("matches %j", (subject) => {
    expect(restricts(rule, command(subject))).toBe(true);
  });

  test.each(["ls", "rmdir x", "echo rm x", "git rm x"])("does not match %j", (subject) => {
    expect(restricts(rule, command(subject))).toBe(false);
  });
});

test("a rule without a pattern is for all calls of a tool, or of an effect; a pattern needs something to match", () => {
  expect(allows("run_command", command("rm -rf /; ls"))).toBe(true);
  expect(allows("execute", command("rm -rf /; ls"))).toBe(true);
  expect(allows("write", command("ls"))).toBe(false);
  expect(allows("run", command("ls"))).toBe(false);
  expect(allows("shout(*)", { toolName: "shout", effect: "execute" })).toBe(false);
  expect(restricts("shout(*)", { toolName: "shout", effect: "execute" })).toBe(false);
});
