import type { ToolEffect } from "./tool.ts";

export interface Rule {
  /** A tool's name or an effect. */
  readonly target: string;
  /** Of the subject; `*` stands for anything, a backslash takes the meaning of the next character. */
  readonly pattern: string | undefined;
}

interface Matched {
  readonly toolName: string;
  readonly effect: ToolEffect;
  readonly subject?: string;
}

/** What lets one command line run another, or write somewhere. */
const shellSyntax = /[;&|<>$`()\n\r]/;

/** Programs that run or delete whatever they are given: nothing more general than the very command is offered. */
const anything =
  /^(?:.*\/)?(?:sudo|doas|su|env|xargs|find|exec|eval|sh|bash|zsh|fish|dash|cmd|powershell|pwsh|node|deno|bun|python[\d.]*|perl|ruby|php|lua|awk|sed|rm|rmdir|dd|mkfs|ssh|nohup|time|timeout|watch|npx|uvx|curl|wget|chmod|chown|mv|cp|docker|make)$/;

export function parseRule(text: string): Rule {
  const found = /^([\w.-]+)(?:\(([\s\S]*)\))?$/.exec(text.trim());
  return { target: found?.[1] ?? text, pattern: found?.[2] };
}

/** Whether a rule, as one that allows, matches: a wildcard is for arguments, and does not reach over into another command. */
export function allows(rule: string, request: Matched): boolean {
  const { pattern } = parseRule(rule);
  const { effect, subject } = request;
  const isGeneral = /(?<!\\)\*/.test(pattern?.replaceAll("\\\\", "") ?? "");
  const isSeveral = effect === "execute" && shellSyntax.test(subject ?? "");
  return !(isGeneral && isSeveral) && matches(rule, request);
}

/**
 * Whether a rule, as one that denies or asks, matches: also one of several commands on a line. A shell
 * can say the same in other words, so this is a help and no wall.
 */
export function restricts(rule: string, request: Matched): boolean {
  const { effect, subject } = request;
  if (matches(rule, request)) return true;
  if (effect !== "execute" || subject === undefined) return false;
  const commands = subject
    .split(/[;&|`(){}\n\r]+/)
    .map((command) => command.replaceAll(/\s+/g, " ").trim());
  return commands.some((command) => matches(rule, { ...request, subject: command }));
}

function matches(rule: string, { toolName, effect, subject }: Matched): boolean {
  const { target, pattern } = parseRule(rule);
  if (target !== toolName && target !== effect) return false;
  return pattern === undefined || (subject !== undefined && expressionOf(pattern).test(subject));
}

/** `git status *` is also `git status` alone. */
function expressionOf(pattern: string): RegExp {
  const isOpen = pattern.endsWith(" *");
  const pieces = (isOpen ? pattern.slice(0, -2) : pattern).match(/\\[\s\S]|[\s\S]/g) ?? [];
  const source = pieces.map((piece) => (piece === "*" ? ".*" : escaped(piece.at(-1) ?? "")));
  return new RegExp(`^${source.join("")}${isOpen ? "(?: .*)?" : ""}$`, "s");
}

function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|]/, String.raw`\$&`);
}

/** The rule offered for a call: the program and its subcommand, else the very command; a tool that writes as a whole. */
export function ruleFor({ toolName, effect, subject }: Matched): string {
  if (effect !== "execute" || subject === undefined) return toolName;
  const [program = "", subcommand] = subject.split(" ");
  const isPlain = /^[\w./=:@+,-][\w./ =:@+,-]*$/.test(subject) && !anything.test(program);
  if (!isPlain || subcommand === "") return `${toolName}(${literal(subject)})`;
  const words =
    subcommand !== undefined && /^[a-z][\w:-]*$/.test(subcommand)
      ? [program, subcommand]
      : [program];
  return `${toolName}(${words.map(literal).join(" ")} *)`;
}

function literal(text: string): string {
  return text.replaceAll(/[\\*(),]/g, String.raw`\$&`);
}
