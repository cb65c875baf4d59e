import { createRequire } from "node:module";
import { KimiError, messageOf } from "../../errors.ts";
import type { Quantizer } from "./encode-rows.ts";

/** Where a quantizer is: plain data, so that each thread can load it for itself. */
export interface QuantizerModule {
  /** A native addon or a JavaScript file that exports `quantize`. */
  readonly path: string;
  /** The shared library that it calls, for its `openLibrary`. */
  readonly library?: string;
}

/** @throws KimiError if it can't be loaded */
export function loadQuantizer(module: QuantizerModule | undefined): Quantizer | undefined {
  if (module === undefined) return undefined;
  try {
    const loaded = createRequire(import.meta.url)(module.path) as Quantizer & {
      openLibrary?(path: string): void;
    };
    if (module.library !== undefined) loaded.openLibrary?.(module.library);
    return loaded;
  } catch (cause) {
    throw new KimiError(`the native addon ${module.path} can't be loaded: ${messageOf(cause)}`, {
      code: "no-quantizer",
      hint: "Types without it: f32, bf16, f16, q8_0, q6_k, q4_0.",
      cause,
    });
  }
}
