import { readFileSync } from "node:fs";
import type { GgufTensor } from "../../checkpoint/gguf-read.ts";
import { KimiError } from "../../errors.ts";
import type { ModelFile } from "./model-file.ts";

const safeTypes: ReadonlySet<string> = new Set(["BF16", "F32"]);

/**
 * A tensor that the bundled llama.cpp aborts of, or computes wrong without a word: where an MLA model's
 * `attn_k_b`/`attn_v_b` land in the AMX buffer of a CPU that has AMX (k2-facts §4.9).
 */
export function unsafeOnAmx({ tensors }: ModelFile, cpuFlags: string): GgufTensor | undefined {
  if (!/\bamx_(int8|tile)\b/.test(cpuFlags)) return undefined;
  return tensors.find(
    ({ name, type }) => /\.attn_[kv]_b\.weight$/.test(name) && !safeTypes.has(type),
  );
}

/** Without the native addon, which keeps tensors out of that buffer, there is no way. @throws KimiError with the remedy. */
export function refuseBrokenOnAmx(file: ModelFile, cpuFlags: string): void {
  const unsafe = unsafeOnAmx(file, cpuFlags);
  if (!unsafe) return;
  throw new KimiError(
    `${file.path} can't run on this CPU: with AMX, llama.cpp computes its ${unsafe.name} (${unsafe.type}) wrong or aborts`,
    {
      code: "amx",
      hint: "Convert the model with attn_k_b and attn_v_b in BF16 or F32, or run it on a CPU without AMX.",
    },
  );
}

/** The CPU's feature flags, as Linux lists them; empty elsewhere, where no AMX build is bundled. */
export function cpuFlags(): string {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}
