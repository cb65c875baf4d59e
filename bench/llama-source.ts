/** llama.cpp as the bindings ship it: the source of the very release whose libraries they bring. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { cache } from "./large-model.ts";
import { root } from "./measure.ts";

const shipped = join(root, "node_modules", "node-llama-cpp", "llama");

/** Folder with the release's source, taken from the bindings' git bundle the first time. Needs git. */
export function llamaSource(): string {
  const folder = join(releaseFolder(), "src");
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  run("git", ["clone", "--quiet", join(shipped, "gitRelease.bundle"), folder]);
  return folder;
}

/** The program, built the first time, for this processor and with OpenMP, as anyone builds it. Needs cmake and a compiler. */
export function llamaBench(): string {
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

function releaseFolder(): string {
  const info = readFileSync(join(shipped, "llama.cpp.info.json"), "utf8");
  return join(cache, `llama.cpp-${(JSON.parse(info) as { tag: string }).tag}`);
}

/** Its standard output goes to standard error: that is progress. */
function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", 2, 2] });
}
