import { spawnSync } from "node:child_process";

/** Whether the program is here; without it its tests are skipped. */
export const hasShellcheck = spawnSync("shellcheck", ["--version"]).status === 0;

/** Everything that shellcheck says about a bash script, style as well; nothing: "". */
export function shellcheck(script: string): string {
  const run = spawnSync("shellcheck", ["--shell=bash", "--severity=style", "-"], {
    input: script,
    encoding: "utf8",
  });
  return run.stdout + run.stderr;
}
