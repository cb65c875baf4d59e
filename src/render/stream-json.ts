import { outputVersion, type Output, type Renderer } from "./renderer.ts";

/** JSON lines: `init`, then every event as it happens, and always last the `result`. */
export function streamJsonRenderer(output: Output): Renderer {
  const line = (value: object): void => output.write(`${JSON.stringify(value)}\n`);
  return {
    start: (info) => line({ type: "init", version: outputVersion, ...info }),
    event: line,
    end: line,
  };
}
