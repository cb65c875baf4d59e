/** Flags as JSON with a line for each, so that two versions can be compared as text. */
import type { EngineFlags, ProgramFlags } from "../../src/cluster/engine-flags.ts";

export function writeFlags({ engine, version, source, commands }: EngineFlags): string {
  const programs = Object.entries(commands).map(
    ([name, program]) => `${JSON.stringify(name)}: ${writeProgram(program)}`,
  );
  return `{"engine": "${engine}", "version": "${version}",
"source": ${JSON.stringify(source)},
"commands": {
${programs.join(",\n")}
}}
`;
}

function writeProgram({ dialect, positionals, flags }: ProgramFlags): string {
  const inOrder = flags.toSorted((a, b) => ((a.names[0] ?? "") < (b.names[0] ?? "") ? -1 : 1));
  return `{"dialect": "${dialect}", "positionals": ${JSON.stringify(positionals)}, "flags": [
${inOrder.map((flag) => JSON.stringify(flag)).join(",\n")}
]}`;
}
