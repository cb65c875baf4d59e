/**
 * Builds the native addon into `native/prebuilt/`, where a C++ compiler is: `CXX`, or c++. Without one, and
 * on other systems than Linux, it says so in a line and ends well: everything else works without it.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";

const native = join(import.meta.dirname, "..", "native");
const folder = join(native, "prebuilt");
const output = join(folder, `${process.platform}-${process.arch}.node`);

if (process.platform !== "linux") process.stdout.write("no native addon: only for Linux\n");
else if (isOlderThanSources()) build(process.env["CXX"] ?? "c++");

function isOlderThanSources(): boolean {
  const built = statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = readdirSync(native, { withFileTypes: true }).filter((entry) => entry.isFile());
  return sources.some(({ name }) => statSync(join(native, name)).mtimeMs > built);
}

function build(compiler: string): void {
  mkdirSync(folder, { recursive: true });
  const draft = `${output}.${process.pid}`; // tests and builds may run side by side
  const flags = ["-std=c++17", "-O2", "-s", "-shared", "-fPIC", "-fvisibility=hidden"];
  const exported = `-Wl,--version-script=${join(native, "exports.map")}`; // else it would replace libstdc++ for all
  const source = join(native, "kimi-native.cc");
  const { error, status, stderr } = spawnSync(
    compiler,
    [...flags, "-Wall", "-Wextra", exported, "-o", draft, source, "-ldl"],
    { encoding: "utf8" },
  );
  if (error) process.stdout.write(`no native addon: there is no compiler ${compiler}\n`);
  else if (status !== 0) process.stdout.write(`no native addon: ${compiler} failed\n${stderr}`);
  else renameSync(draft, output);
}
