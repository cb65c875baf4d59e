import { checkParameters } from "../agent/tool-set.ts";
import { builtInTools, openTools } from "./open-tools.ts";

/** What `kimi tools` prints. */
export async function describeTools(
  names: readonly string[],
  { json }: { readonly json: boolean },
): Promise<string> {
  const list = names.length === 0 ? builtInTools : names.flatMap((name) => name.split(","));
  const tools = await openTools(list, new AbortController().signal);
  for (const tool of tools) checkParameters(tool); // says what is wrong with a schema
  const rows = tools.map(({ name, description, effect, parameters }, index) => ({
    tool: list[index] ?? name,
    name,
    effect,
    description,
    parameters,
  }));
  if (json) return `${JSON.stringify(rows, null, 2)}\n`;
  const width = (key: "tool" | "name" | "effect"): number =>
    Math.max(...rows.map((row) => row[key].length));
  const [tool, name, effect] = [width("tool"), width("name"), width("effect")];
  return rows
    .map(
      (row) =>
        `${row.tool.padEnd(tool)}  ${row.name.padEnd(name)}  ${row.effect.padEnd(effect)}  ${row.description}\n`,
    )
    .join("");
}
