import type { Output, Renderer } from "./renderer.ts";

/** One JSON object, the result. */
export function jsonRenderer(output: Output): Renderer {
  return {
    start() {},
    event() {},
    end: (result) => output.write(`${JSON.stringify(result)}\n`),
  };
}
