import { usageError } from "../../errors.ts";
import type { DeploymentPlan, NodeCommand } from "../deployment-plan.ts";
import { shellQuote } from "../shell-quote.ts";
import { addressedCommand, type AddressedText } from "./addressed-text.ts";
import { podAddress, type PodGroup } from "./pod-groups.ts";
import { commandText } from "./shell-command.ts";

/** A piece of an argument: text as it is, a variable that Kubernetes puts in, or a number that follows the pod's index. */
type Piece =
  | { readonly text: string }
  | { readonly variable: string }
  | { readonly times: number; readonly plus: number };

type Word = readonly Piece[];

export interface PodCommand {
  readonly command: readonly string[];
  /** With `$(VARIABLE)`s, which Kubernetes replaces. */
  readonly env: Readonly<Record<string, string>>;
}

/** The command of a leader, or of a pod that is by itself. */
export function leaderCommand(
  group: PodGroup,
  plan: DeploymentPlan,
  groups: readonly PodGroup[],
): PodCommand {
  const words = (node: NodeCommand): NodeWords => wordsOf(node, { group, plan, groups });
  return podCommand(words(group.leader));
}

/**
 * One command for all workers of a group: what differs between them must be a number that grows evenly with the worker's
 * index. Where it is not the index itself, a shell computes it.
 */
export function workerCommand(
  group: PodGroup,
  plan: DeploymentPlan,
  groups: readonly PodGroup[],
): PodCommand {
  const workers = group.workers.map((node) => wordsOf(node, { group, plan, groups }));
  const [first] = workers;
  if (first === undefined) throw new Error("a group without workers has no command for them");
  const names = Object.keys(first.env).join();
  for (const { argv, env } of workers) {
    if (argv.length !== first.argv.length || Object.keys(env).join() !== names)
      throw differing(group);
  }
  const at = (index: number): Word =>
    merged(
      workers.map(({ argv }) => argv[index] ?? []),
      group,
    );
  const env = Object.keys(first.env).map((name) => {
    const word = merged(
      workers.map(({ env }) => env[name] ?? []),
      group,
    );
    if (word.some(isComputed)) throw differing(group);
    return [name, word] as const;
  });
  return podCommand({
    argv: first.argv.map((_, index) => at(index)),
    env: Object.fromEntries(env),
  });
}

interface NodeWords {
  readonly argv: readonly Word[];
  readonly env: Readonly<Record<string, Word>>;
}

interface Place {
  readonly group: PodGroup;
  readonly plan: DeploymentPlan;
  readonly groups: readonly PodGroup[];
}

function wordsOf(node: NodeCommand, { group, plan, groups }: Place): NodeWords {
  const word = (text: AddressedText): Word =>
    text.map((piece) => {
      if (typeof piece === "string") return { text: piece };
      const address = podAddress(piece.host, group, { groups, own: node.host });
      const variable = /^\$\((\w+)\)$/.exec(address)?.[1];
      if (variable !== undefined) return { variable };
      return { text: address.includes(":") && piece.isBracketed ? `[${address}]` : address };
    });
  const { argv, env } = addressedCommand(node, plan);
  const values = Object.entries(env).map(([name, value]) => [name, word(value)]);
  return { argv: argv.map(word), env: Object.fromEntries(values) };
}

/** The word that stands for all of `words`, those of the workers 1, 2, …. */
function merged(words: readonly Word[], group: PodGroup): Word {
  const texts = words.map((word) => JSON.stringify(word));
  const [first = []] = words;
  if (texts.every((text) => text === texts[0])) return first;
  return first.flatMap((piece, index) =>
    mergedPiece(
      words.map((word) => word[index]),
      piece,
      group,
    ),
  );
}

function mergedPiece(
  pieces: readonly (Piece | undefined)[],
  first: Piece,
  group: PodGroup,
): Piece[] {
  const same = pieces.every((piece) => JSON.stringify(piece) === JSON.stringify(first));
  if (same) return [first];
  const texts = pieces.map((piece) => {
    if (piece === undefined || !("text" in piece)) throw differing(group);
    return piece.text.split(/(\d+)/);
  });
  const [parts = []] = texts;
  if (texts.some((text) => text.length !== parts.length)) throw differing(group);
  return parts
    .map((part, index): Piece => {
      const column = texts.map((text) => text[index] ?? "");
      return column.every((other) => other === part) ? { text: part } : numberOf(column, group);
    })
    .filter((piece) => !("text" in piece) || piece.text !== "");
}

/** `plus + times × index` that gives the numbers of the workers 1, 2, …. */
function numberOf(column: readonly string[], group: PodGroup): Piece {
  const numbers = column.map(Number);
  const [first = 0, second = 0] = numbers;
  const times = second - first;
  const plus = first - times;
  const isEven = numbers.every((number, index) => number === plus + times * (index + 1));
  const isPlain = column.every((text, index) => text === String(numbers[index]));
  if (!isEven || !isPlain || plus < 0 || times < 0) throw differing(group);
  return times === 1 && plus === 0 ? { variable: "LWS_WORKER_INDEX" } : { times, plus };
}

function isComputed(piece: Piece): boolean {
  return "times" in piece;
}

function podCommand({ argv, env }: NodeWords): PodCommand {
  const values = Object.entries(env).map(([name, word]) => [name, kubernetesText(word)]);
  const command = argv.some((word) => word.some(isComputed))
    ? ["sh", "-c", shellText(argv)]
    : argv.map(kubernetesText);
  return { command, env: Object.fromEntries(values) };
}

/** Kubernetes reads `$$` as `$`, so that no text becomes a variable. */
function kubernetesText(word: Word): string {
  return word
    .map((piece) =>
      "variable" in piece ? `$(${piece.variable})` : "text" in piece ? escaped(piece.text) : "",
    )
    .join("");
}

function shellText(argv: readonly Word[]): string {
  const words = argv.map((word) => word.map(shellPiece).join("") || "''");
  return escaped(`${commandText(["exec", ...words])}\n`);
}

function shellPiece(piece: Piece): string {
  if ("text" in piece) return shellQuote(piece.text);
  if ("variable" in piece) return `"$${piece.variable}"`;
  const product = piece.times === 1 ? "LWS_WORKER_INDEX" : `LWS_WORKER_INDEX * ${piece.times}`;
  return `"$((${product}${piece.plus === 0 ? "" : ` + ${piece.plus}`}))"`;
}

function escaped(text: string): string {
  return text.replaceAll("$", "$$$$");
}

function differing({ workers }: PodGroup): Error {
  const names = `${workers[0]?.name ?? ""} to ${workers.at(-1)?.name ?? ""}`;
  return usageError(
    `--format kubernetes needs one command for all workers, and those of ${names} differ in more than their rank`,
    "Use --format script or slurm.",
  );
}
