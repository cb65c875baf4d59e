import { wrapText } from "../../plain-text.ts";
import type { DeploymentPlan, NodeCommand } from "../deployment-plan.ts";
import { shellQuote } from "../shell-quote.ts";
import { endpointUrl } from "./addresses.ts";
import { memoryText, roomSentences } from "./memory-text.ts";
import { planTitle } from "./plan-words.ts";
import { commandText, environmentWords } from "./shell-command.ts";

const columns = 100;

/** So many processes that ranks alone tell apart are told in a line each. */
const fewNodes = 3;

/** For a person at a terminal: 100 columns, no colours. */
export function planText(plan: DeploymentPlan): string {
  const { layout, memory, notes, servedName, files } = plan;
  const sections = [
    `${wrapped(planTitle(plan))}\n`,
    memoryText(memory),
    paragraphs(roomSentences(memory)),
    listText("Why", layout.reasons),
    ...commandTexts(plan),
    ...files.map(
      ({ path, content }) => `File ${path}, in the folder that they run in:\n${indented(content)}`,
    ),
    `${wrapped(`Endpoint: ${endpointUrl(plan)}, model ${servedName}`)}\n`,
    listText("Note", notes),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

/** Each command by itself; those that are told by another one, a line each, together. */
function commandTexts(plan: DeploymentPlan): string[] {
  const shown: NodeCommand[] = [];
  const texts: string[] = [];
  let lines = "";
  for (const node of plan.nodes) {
    const like =
      plan.nodes.length > fewNodes ? shown.find((other) => isLike(node, other)) : undefined;
    if (like !== undefined) {
      lines += `${wrapped(`${headText(node)}: as ${like.name}${differenceText(node, like)}`)}\n`;
      continue;
    }
    shown.push(node);
    texts.push(lines, `${headText(node)}:\n${nodeCommandText(node)}`);
    lines = "";
  }
  return [...texts, lines];
}

/** `node-0 (serve)`, `prefill-1 (worker), on node-1`, `router, on node-0`. */
function headText({ name, role, host }: NodeCommand): string {
  const what = name.startsWith(role) ? name : `${name} (${role})`;
  return name === host.name ? what : `${what}, on ${host.name}`;
}

function nodeCommandText({ argv, env }: NodeCommand): string {
  const environment = environmentWords(env).map((word) => `  ${word} \\\n`);
  return `${environment.join("")}${commandText(argv.map(shellQuote), "  ")}\n`;
}

/** Whether a few values are all that differs. */
function isLike(node: NodeCommand, other: NodeCommand): boolean {
  if (node.argv.length !== other.argv.length) return false;
  if (JSON.stringify(Object.keys(node.env)) !== JSON.stringify(Object.keys(other.env)))
    return false;
  const flags = node.argv.filter((word, index) => word !== other.argv[index] && isFlag(word));
  return flags.length === 0 && differences(node, other).length <= 3;
}

/** `--node-rank 3`, `NAME=value`. */
function differences(node: NodeCommand, other: NodeCommand): string[] {
  const { argv } = node;
  const words = argv.flatMap((word, index) => {
    if (word === other.argv[index]) return [];
    const before = argv[index - 1] ?? "";
    return [isFlag(before) ? `${before} ${shellQuote(word)}` : shellQuote(word)];
  });
  const values = Object.entries(node.env).filter(([name, value]) => other.env[name] !== value);
  return [...values.map(([name, value]) => `${name}=${shellQuote(value)}`), ...words];
}

function differenceText(node: NodeCommand, other: NodeCommand): string {
  const found = differences(node, other);
  return found.length === 0 ? "" : `, with ${found.join(", ")}`;
}

const isFlag = (word: string): boolean => /^-\D/.test(word);

function listText(title: string, sentences: readonly string[]): string {
  if (sentences.length === 0) return "";
  const [only = ""] = sentences;
  if (sentences.length === 1) return `${wrapped(`${title}: ${only}`)}\n`;
  const items = sentences.map((sentence) => `  - ${wrapText(sentence, 4, columns)}\n`);
  return `${title}:\n${items.join("")}`;
}

function paragraphs(sentences: readonly string[]): string {
  return sentences.map((sentence) => `${wrapped(sentence)}\n`).join("");
}

function wrapped(text: string): string {
  return wrapText(text, 0, columns);
}

function indented(content: string): string {
  const lines = content.replace(/\n$/, "").split("\n");
  return lines.map((line) => `${`  ${line}`.trimEnd()}\n`).join("");
}
