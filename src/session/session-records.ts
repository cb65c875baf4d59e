import type { Compaction } from "../agent/compaction.ts";
import type { Usage } from "../engine/engine.ts";
import type { Message } from "../message.ts";

/** Grows when an older program could no longer read what is written. */
export const sessionVersion = 1;

/** A line of a session's file. `at`: ISO 8601, UTC. */
export type SessionRecord =
  /** The first line. */
  | {
      readonly type: "session";
      readonly version: number;
      readonly id: string;
      readonly createdAt: string;
      /** Where it was started. */
      readonly folder: string;
      readonly model: string;
    }
  /** The system prompt from here on; empty for none. */
  | { readonly type: "system"; readonly text: string; readonly at: string }
  | { readonly type: "message"; readonly message: Message; readonly at: string }
  /** What one request took. */
  | { readonly type: "usage"; readonly usage: Usage; readonly model: string; readonly at: string }
  | { readonly type: "compaction"; readonly compaction: Compaction; readonly at: string }
  /** The last messages no longer count. */
  | { readonly type: "undo"; readonly count: number; readonly at: string }
  /** The model has forgotten everything before. */
  | { readonly type: "clear"; readonly at: string };

/** A line as a record; `undefined` for anything else. */
export function readRecord(line: string): SessionRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isObject(value) && isRecord(value) ? (value as unknown as SessionRecord) : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function isRecord(fields: Fields): boolean {
  switch (fields["type"]) {
    case "session":
      return typeof fields["version"] === "number" && areTexts(fields, "id createdAt folder model");
    case "system":
      return typeof fields["text"] === "string";
    case "message":
      return isMessage(fields["message"]);
    case "usage": {
      const usage = fields["usage"];
      return (
        isObject(usage) &&
        isCount(usage["inputTokens"]) &&
        isCount(usage["outputTokens"]) &&
        (usage["cachedTokens"] === undefined || isCount(usage["cachedTokens"]))
      );
    }
    case "compaction":
      return isCompaction(fields["compaction"]);
    case "undo":
      return isCount(fields["count"]);
    case "clear":
      return true;
    default:
      return false;
  }
}

function isMessage(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { role, content } = value;
  if (role === "system") return areTexts(value, "text");
  if (role === "tool") {
    return areTexts(value, "callId toolName output") && typeof value["isError"] === "boolean";
  }
  if (!Array.isArray(content)) return false;
  if (role === "user") return content.every((part) => isTextPart(part) || isImagePart(part));
  return role === "assistant" && content.every((part) => isTextPart(part) || isPartOfModels(part));
}

function isTextPart(value: unknown): boolean {
  return isObject(value) && value["type"] === "text" && areTexts(value, "text");
}

function isImagePart(value: unknown): boolean {
  return isObject(value) && value["type"] === "image" && areTexts(value, "url");
}

function isPartOfModels(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (value["type"] === "thinking") return areTexts(value, "text");
  return value["type"] === "tool-call" && areTexts(value, "id name arguments");
}

/** `names`: apart by spaces. */
function areTexts(fields: Fields, names: string): boolean {
  return names.split(" ").every((name) => typeof fields[name] === "string");
}

function isCompaction(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { kept, summary, pruned } = value;
  return (
    isCount(kept) &&
    (summary === undefined || typeof summary === "string") &&
    Array.isArray(pruned) &&
    pruned.every((id) => typeof id === "string")
  );
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
