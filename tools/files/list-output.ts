import type { ToolResult } from "../../src/agent/tool.ts";
import { mostShown } from "./spill.ts";

interface ListOutput {
  readonly items: readonly string[];
  readonly note: string | undefined;
}

/** One line of JSON with a list and perhaps a note, with the spaces that Python puts into both; a line each for the person. */
export function listOutput(field: string, { items, note }: ListOutput): ToolResult {
  const list = `"${field}": [${items.map((item) => JSON.stringify(item)).join(", ")}]`;
  const output = `{${list}${note === undefined ? "" : `, "note": ${JSON.stringify(note)}`}}`;
  const lines = [
    ...(items.length === 0 ? ["nothing"] : items),
    ...(note === undefined ? [] : [note]),
  ];
  return { output, display: { type: "text", text: lines.join("\n") } };
}

/** As many of the first items as fit into a result. */
export function fitting(items: readonly string[]): readonly string[] {
  let length = 0;
  const end = items.findIndex((item) => (length += item.length) > mostShown);
  return end === -1 ? items : items.slice(0, end);
}
