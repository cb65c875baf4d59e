/** llama.cpp as the bindings ship it: the source of the very release whose libraries they bring. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { cache } from "./large-model.ts";
import { root } from "./measure.ts";

const modules = join(root, "node_modules");
const shipped = join(modules, "node-llama-cpp", "llama");

/** Folder with the release's source, taken from the bindings' git bundle the first time. Needs git. */
export function llamaSource(): string {
  const folder = join(releaseFolder(), "src");
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  run("git", ["clone", "--quiet", join(shipped, "gitRelease.bundle"), folder]);
  return folder;
}

/** llama-bench, built the first time for this processor and with OpenMP if it is there. Needs cmake and a compiler. */
export function builtBench(): string {
  const build = join(releaseFolder(), "build");
  const path = join(build, "bin", "llama-bench");
  if (existsSync(path)) return path;
  console.error(`building llama-bench in ${build}, which takes some minutes …`);
  const off = ["BUILD_SHARED_LIBS", "LLAMA_BUILD_TESTS", "LLAMA_BUILD_SERVER", "LLAMA_BUILD_UI"];
  const options = [
    "CMAKE_BUILD_TYPE=Release",
    "GGML_NATIVE=ON",
    ...off.map((name) => `${name}=OFF`),
  ];
  run("cmake", ["-S", llamaSource(), "-B", build, ...options.map((option) => `-D${option}`)]);
  const jobs = String(availableParallelism());
  run("cmake", ["--build", build, "--target", "llama-bench", "--parallel", jobs]);
  return path;
}

/**
 * llama-bench on the bindings' libraries: those of the CPU, for any processor and without OpenMP, of which ggml
 * takes at run time what the processor has. Needs a compiler. `undefined` where they are no ELF files.
 */
export function shippedBench(): string | undefined {
  const platform = `${process.platform}-${process.arch}`;
  const libraries = join(modules, "@node-llama-cpp", platform, "bins", platform);
  if (process.platform !== "linux" || !existsSync(libraries)) return undefined;
  const folder = join(releaseFolder(), "shipped");
  const path = join(folder, "llama-bench");
  if (existsSync(path)) return path;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(libraries).filter((name) => name.endsWith(".so"));
  for (const name of names) copyFileSync(join(libraries, name), join(folder, name));
  const source = llamaSource();
  const code = ["llama-bench.cpp", "main.cpp"].map((name) =>
    join(source, "tools/llama-bench", name),
  );
  const headers = ["include", "ggml/include", "common"].map((name) => `-I${join(source, name)}`);
  const linked = names
    .filter((name) => !name.startsWith("libggml-cpu-"))
    .map((name) => `-l:${name}`);
  const where = [`-L${folder}`, "-Wl,-rpath,$ORIGIN"];
  run("c++", [
    "-O2",
    "-std=c++17",
    ...headers,
    ...code,
    "-o",
    path,
    ...where,
    ...linked,
    "-lpthread",
  ]);
  return path;
}

function releaseFolder(): string {
  const info = readFileSync(join(shipped, "llama.cpp.info.json"), "utf8");
  return join(cache, `llama.cpp-${(JSON.parse(info) as { tag: string }).tag}`);
}

/** Its standard output goes to standard error: that is progress. */
function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", 2, 2] });
}
