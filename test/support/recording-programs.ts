import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Stand-ins for programs, which write down how they were called. */
export interface RecordingPrograms {
  /** To be put before the other folders of PATH. */
  readonly bin: string;
  /** Every call so far. */
  readonly calls: () => Call[];
}

export interface Call {
  /** The program's name and its arguments. */
  readonly argv: string[];
  readonly env: Record<string, string>;
  readonly folder: string;
}

/**
 * Programs of these names in a folder of their own. After writing it down, each runs `then`, a piece of shell, with
 * `$calls`, the folder of all calls, one `.done` file each.
 */
export function recordingPrograms(
  folder: string,
  names: readonly string[],
  then = "",
): RecordingPrograms {
  const bin = join(folder, "bin");
  const calls = join(folder, "calls");
  mkdirSync(bin, { recursive: true });
  mkdirSync(calls, { recursive: true });
  const program = `#!/bin/sh
calls='${calls}'
printf '%s\\0' "\${0##*/}" "$@" > "$calls/$$.argv"
env -0 > "$calls/$$.env"
pwd > "$calls/$$.folder"
: > "$calls/$$.done"
${then}
`;
  for (const name of names) addProgram(bin, name, program);
  return { bin, calls: () => readCalls(calls) };
}

export function addProgram(bin: string, name: string, text: string): void {
  const path = join(bin, name);
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

function readCalls(folder: string): Call[] {
  const parts = (name: string): string[] =>
    readFileSync(join(folder, name), "utf8").split("\0").slice(0, -1);
  return readdirSync(folder)
    .filter((name) => name.endsWith(".done"))
    .map((name) => name.replace(".done", ""))
    .map((id) => ({
      argv: parts(`${id}.argv`),
      env: Object.fromEntries(
        parts(`${id}.env`).map((line) => {
          const [variable = "", ...value] = line.split("=");
          return [variable, value.join("=")];
        }),
      ),
      folder: readFileSync(join(folder, `${id}.folder`), "utf8").trim(),
    }));
}
