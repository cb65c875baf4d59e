import { createRequire } from "node:module";
import { KimiError, messageOf } from "../../errors.ts";
import type { Quantizer } from "./encode-rows.ts";

/**
 * The quantizer that a module exports as `quantize`; each thread loads it for itself.
 * @param path of a native addon or a JavaScript file
 * @throws KimiError if it can't be loaded
 */
export function loadQuantizer(path: string | undefined): Quantizer | undefined {
  if (path === undefined) return undefined;
  try {
    return createRequire(import.meta.url)(path) as Quantizer;
  } catch (cause) {
    throw new KimiError(`the native addon ${path} can't be loaded: ${messageOf(cause)}`, {
      code: "no-quantizer",
      hint: "Types without it: f32, bf16, f16, q8_0, q6_k, q4_0.",
      cause,
    });
  }
}
