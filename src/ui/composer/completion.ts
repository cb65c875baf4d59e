/** What is being completed at the cursor, and putting the choice into the text. */
import { change, type Composer } from "./composer-state.ts";
import { openMention, writeMention } from "./mentions.ts";

interface CompletionPlace {
  /** What was typed of it, without `/` or `@`. */
  readonly query: string;
  /** What a choice replaces, UTF-16 units in the composer's text. */
  readonly from: number;
  readonly to: number;
}

export type Completion =
  | (CompletionPlace & { readonly kind: "command" })
  /** `query` is all that follows the command, up to the cursor: an argument may have spaces. */
  | (CompletionPlace & { readonly kind: "argument"; readonly command: string })
  | (CompletionPlace & { readonly kind: "path" });

/** A command is only what begins the text; a path is completed in a command's argument too. */
export function completionAt({ text, cursor }: Composer): Completion | undefined {
  const before = text.slice(0, cursor);
  const command = /^\/([^\s/]*)$/.exec(before);
  if (command !== null) {
    const rest = /^[^\s/]*/.exec(text.slice(cursor))?.[0] ?? "";
    return { kind: "command", query: command[1] ?? "", from: 0, to: cursor + rest.length };
  }
  const mention = openMention(before);
  if (mention !== undefined) {
    // The closing quote that is there already must not be doubled.
    const isClosed = text[mention.from + 1] === '"' && text[cursor] === '"';
    return { kind: "path", ...mention, to: isClosed ? cursor + 1 : cursor };
  }
  const argument = /^\/([^\s/]+)[ \t]+([^\n]*)$/.exec(before);
  if (argument === null) return undefined;
  const query = argument[2] ?? "";
  return {
    kind: "argument",
    command: argument[1] ?? "",
    query,
    from: cursor - query.length,
    to: cursor,
  };
}

/**
 * Puts `value` in, without `/` or `@`, as one undo step. A command and a file get a space behind them
 * unless there is one; a folder, whose value ends with a slash, stays open for more.
 */
export function applyCompletion(
  composer: Composer,
  completion: Completion,
  value: string,
): Composer {
  const written = writeCompletion(completion, value);
  const isDoubled = written.endsWith(" ") && composer.text[completion.to] === " ";
  const to = isDoubled ? completion.to + 1 : completion.to;
  return change(composer, { from: completion.from, to, inserted: written, previous: "other" });
}

function writeCompletion(completion: Completion, value: string): string {
  switch (completion.kind) {
    case "command":
      return `/${value} `;
    case "argument":
      return value;
    case "path":
      return writeMention(value);
    default:
      return completion satisfies never;
  }
}
