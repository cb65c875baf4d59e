/** Builds the program and its native addon once, so that the tests run what the sources say. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

export function setup(): void {
  for (const script of ["build-native.ts", "build.ts"]) {
    execFileSync(process.execPath, [join(root, "scripts", script)], {
      cwd: root,
      stdio: "inherit",
    });
  }
}
