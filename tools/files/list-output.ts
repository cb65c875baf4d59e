import type { ToolResult } from "../../src/agent/tool.ts";
import { mostShown } from "./spill.ts";

interface ListOutput {
  readonly items: readonly string[];
  readonly note: string | undefined;
}

/** One line of JSON with a list and perhaps a note, with the spaces that Python puts into both. */
export function listOutput(field: string, { items, note }: ListOutput): ToolResult {
  const list = `"${field}": [${items.map((item) => JSON.stringify(item)).join(", ")}]`;
  return { output: `{${list}${note === undefined ? "" : `, "note": ${JSON.stringify(note)}`}}` };
}

/** As many of the first items as fit into a result. */
export function fitting(items: readonly string[]): readonly string[] {
  let length = 0;
  const end = items.findIndex((item) => (length += item.length) > mostShown);
  return end === -1 ? items : items.slice(0, end);
}
