/** `native/llama-abi.h` against llama.cpp's own headers, which the bindings ship in a git bundle. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bundledRelease } from "../../../../src/checkpoint/llama-architectures.ts";

const native = join(import.meta.dirname, "../../../../native");
const llama = join(
  dirname(createRequire(import.meta.url).resolve("node-llama-cpp")),
  "..",
  "llama",
);
const canRun = ["git", "c++"].every((program) => spawnSync(program, ["--version"]).status === 0);

const fields = {
  ModelParameters: {
    as: "llama_model_params",
    names: {
      bufferOverrides: "tensor_buft_overrides",
      gpuLayers: "n_gpu_layers",
      tensorSplit: "tensor_split",
      keyOverrides: "kv_overrides",
      vocabularyOnly: "vocab_only",
      useExtraBuffers: "use_extra_bufts",
      noHost: "no_host",
      loadMtp: "load_mtp",
    },
  },
  ContextParameters: {
    as: "llama_context_params",
    names: {
      threads: "n_threads",
      kinds: "ctx_type",
      yarnBetaFast: "yarn_beta_fast",
      yarnBetaSlow: "yarn_beta_slow",
      evaluation: "cb_eval",
      cacheTypes: "type_k",
      switches: "embeddings",
      otherContext: "ctx_other",
    },
  },
  ThreadPoolParameters: {
    as: "ggml_threadpool_params",
    names: {
      cpuMask: "cpumask",
      threads: "n_threads",
      priority: "prio",
      poll: "poll",
      strictPlacement: "strict_cpu",
      paused: "paused",
    },
  },
  BufferOverride: {
    as: "llama_model_tensor_buft_override",
    names: { pattern: "pattern", bufferType: "buft" },
  },
};

test("the bindings bundle the release whose structs the addon knows", () => {
  const text = readFileSync(join(llama, "binariesGithubRelease.json"), "utf8");
  expect(JSON.parse(text)).toEqual({ release: bundledRelease });
});

test.skipIf(!canRun)(
  "the addon's structs are llama.cpp's, field by field",
  { timeout: 120_000 },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "kimi-abi-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const repository = join(folder, "llama.git");
    execFileSync("git", [
      "clone",
      "--quiet",
      "--bare",
      join(llama, "gitRelease.bundle"),
      repository,
    ]);
    for (const path of headersOf(repository)) {
      const target = join(folder, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, execFileSync("git", ["-C", repository, "show", `HEAD:${path}`]));
    }
    const checks = Object.entries(fields).flatMap(([ours, { as, names }]) => [
      `static_assert(sizeof(${ours}) == sizeof(${as}));`,
      ...Object.entries(names).map(
        ([own, real]) => `static_assert(offsetof(${ours}, ${own}) == offsetof(${as}, ${real}));`,
      ),
    ]);
    checks.push("static_assert(typeCount == GGML_TYPE_COUNT);");
    expect(compile(folder, checks)).toBe("");
    expect(compile(folder, [`static_assert(sizeof(ModelParameters) == 1);`])).not.toBe("");
  },
);

function headersOf(repository: string): string[] {
  const list = execFileSync("git", ["-C", repository, "ls-tree", "-r", "--name-only", "HEAD"], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  return list.split("\n").filter((path) => /^(ggml\/)?include\/[\w-]+\.h$/.test(path));
}

/** What the compiler says. */
function compile(folder: string, checks: readonly string[]): string {
  const source = join(folder, "check.cc");
  writeFileSync(source, `#include "llama.h"\n#include "llama-abi.h"\n${checks.join("\n")}\n`);
  const includes = [native, join(folder, "include"), join(folder, "ggml/include")];
  expect(includes.every((path) => existsSync(path))).toBe(true);
  return spawnSync(
    "c++",
    ["-std=c++17", "-fsyntax-only", ...includes.map((path) => `-I${path}`), source],
    { encoding: "utf8" },
  ).stderr;
}
