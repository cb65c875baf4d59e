/** What will not work because of how a model is stored. */
import type { CheckpointHead } from "./checkpoint-head.ts";
import { schemeOf } from "./describe-config-tensors.ts";
import type { DescribeOptions } from "./describe-model.ts";
import type { Problem } from "./describe-problems.ts";
import { bundledRelease } from "./llama-architectures.ts";

export function ggufProblems(
  { tensors, metadata }: CheckpointHead,
  { hasAmx }: DescribeOptions,
): Problem[] {
  const found: Problem[] = [];
  const newer = tensors.find(({ sizeBytes }) => sizeBytes === undefined);
  if (newer) {
    found.push({
      severity: "error",
      code: "unknown-type",
      message: `${newer.name} has a tensor type (${newer.type}) that the bundled llama.cpp (${bundledRelease}) does not know: the file is newer`,
      remedy:
        "Take another quantisation, or run the file with a newer llama-server and --base-url.",
    });
  }
  const unsafe = tensors.find(
    ({ name, type }) => /\.attn_[kv]_b\.weight$/.test(name) && type !== "BF16" && type !== "F32",
  );
  if (unsafe) {
    found.push({
      severity: hasAmx === true ? "error" : hasAmx === false ? "note" : "warning",
      code: "amx",
      message: `${hasAmx === true ? "this CPU has AMX: " : "on a CPU with AMX "}llama.cpp aborts or computes wrong tokens, since attn_k_b and attn_v_b are quantised (${unsafe.type})`,
      remedy:
        "Convert it with kimi models convert, which keeps them BF16, or keep attention on a GPU.",
    });
  }
  if (tensors.some(({ name }) => name.endsWith(".attn_kv_b.weight"))) {
    found.push({
      severity: "warning",
      code: "unsplit-attention",
      message:
        "attn_kv_b is in one piece (an old conversion): the KV cache holds whole heads and is many times larger",
      remedy: "Convert the checkpoint again.",
    });
  }
  if (metadata.get("tokenizer.ggml.tokens") === undefined)
    found.push({ severity: "error", code: "no-tokenizer", message: "the file has no vocabulary" });
  return found;
}

export function folderProblems({
  config,
  tokenizerFile,
  generationConfig,
  files,
}: CheckpointHead): Problem[] {
  const found: Problem[] = [
    {
      severity: "note",
      code: "needs-conversion",
      message: "llama.cpp does not read this format",
      remedy:
        "kimi models convert makes a GGUF file of it; vLLM, SGLang and KTransformers serve it as it is.",
    },
  ];
  if (!config) return found;
  if (schemeOf(config) === "fp8") {
    found.push({
      severity: "note",
      code: "fp8",
      message: "GPUs before Hopper and Ada (A100 for one) have no FP8 arithmetic",
    });
  }
  if (files.length > 0 && !tokenizerFile) {
    found.push({
      severity: "error",
      code: "no-tokenizer",
      message: "there is no tiktoken.model and no tokenizer.json",
      remedy: "Download it into the folder.",
    });
  }
  const ends = [generationConfig?.["eos_token_id"]].flat();
  if (config["eos_token_id"] === 163_585 && !ends.includes(163_586)) {
    found.push({
      severity: "note",
      code: "end-of-turn",
      message:
        "its end token is [EOS], but a reply ends with <|im_end|> (163586): a server must stop on both",
    });
  }
  return found;
}
