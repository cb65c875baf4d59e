import { shellQuote } from "../shell-quote.ts";
import type { DeploymentPlan, NodeCommand } from "../deployment-plan.ts";
import type { AddressedText } from "./addressed-text.ts";
import { addressVariables } from "./addresses.ts";
import { commandLines } from "./command-lines.ts";

const columns = 98;

/**
 * A word with the variables of addresses in their places: `"tcp://${NODE_0_ADDRESS}:50000"`; plainly quoted without. Where
 * the variables hold names (`areNames`) they need no brackets.
 */
export function addressedWord(
  pieces: AddressedText,
  plan: DeploymentPlan,
  { areNames = false }: { readonly areNames?: boolean } = {},
): string {
  if (pieces.every((piece) => typeof piece === "string")) return shellQuote(pieces.join(""));
  const variables = addressVariables(plan);
  const inside = pieces.map((piece) => {
    if (typeof piece === "string") return escapedInQuotes(piece);
    const variable = `\${${variables.get(piece.host.name) ?? ""}}`;
    return piece.isBracketed && !areNames ? `[${variable}]` : variable;
  });
  return `"${inside.join("")}"`;
}

/** A part of what stands in double quotes, or in braces in them. */
export function escapedInQuotes(text: string): string {
  return text.replaceAll(/["$\\`]/g, String.raw`\$&`);
}

/** `NAME=VALUE` for a shell. */
export function environmentWords(env: NodeCommand["env"]): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${shellQuote(value)}`);
}

/**
 * Quoted words as one command of a shell, its lines joined by backslashes. The first line gets `indent`, the others four
 * columns more.
 */
export function commandText(words: readonly string[], indent = ""): string {
  return commandLines(words)
    .flatMap((line) => wrapped(line, columns - indent.length - 6))
    .join(` \\\n${indent}    `)
    .replace(/^/, indent);
}

/** A line as lines of at most so many columns, if words allow. */
function wrapped(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
