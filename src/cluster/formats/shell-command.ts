import { shellQuote } from "../shell-quote.ts";
import type { DeploymentPlan, NodeCommand } from "../deployment-plan.ts";
import { addressVariables, cutAtAddresses } from "./addresses.ts";

const columns = 98;

/** A word with the variables of addresses in their places: `"tcp://${NODE_0_ADDRESS}:50000"`; plainly quoted without. */
export function addressedWord(text: string, plan: DeploymentPlan): string {
  const pieces = cutAtAddresses(text, plan);
  if (pieces.every((piece) => typeof piece === "string")) return shellQuote(text);
  const variables = addressVariables(plan);
  const inside = pieces.map((piece) =>
    typeof piece === "string" ? escapedInQuotes(piece) : `\${${variables.get(piece.name) ?? ""}}`,
  );
  return `"${inside.join("")}"`;
}

/** A part of what stands in double quotes, or in braces in them. */
export function escapedInQuotes(text: string): string {
  return text.replaceAll(/["$\\`]/g, String.raw`\$&`);
}

/** `NAME=VALUE` for a shell. */
export function environmentWords(
  env: NodeCommand["env"],
  word: (text: string) => string = shellQuote,
): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${word(value)}`);
}

/**
 * Quoted words as one command of a shell: a flag with its values a line, joined by backslashes. The first line gets
 * `indent`, the others four columns more.
 */
export function commandText(words: readonly string[], indent = ""): string {
  const lines: string[] = [];
  let line = "";
  words.forEach((word, index) => {
    const isFlag = /^["']?-/.test(word) && !/^["']?-\d/.test(word);
    const startsLine = isFlag && (word.startsWith("--") || index > 1);
    const isFull = line.length + word.length + indent.length + 7 > columns;
    if (line !== "" && (startsLine || isFull)) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  });
  return [...lines, line].join(` \\\n${indent}    `).replace(/^/, indent);
}
