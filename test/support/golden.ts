/** The reference data of `test/fixtures/golden` (its README.md tells what it is). */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const fixtures = join(import.meta.dirname, "..", "fixtures");

export function fixture(...path: string[]): string {
  return join(fixtures, ...path);
}

export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(fixture("golden", name), "utf8")) as T;
}

export const nanoModel = join(
  import.meta.dirname,
  "..",
  "..",
  "models",
  "kimi-nano",
  "kimi-nano-q8_0.gguf",
);
