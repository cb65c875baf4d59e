/** Into how many parts K2's matrices can be cut. */
import type { ModelDescription } from "../checkpoint/describe-model.ts";

/** Beyond it Moonshot's guide says to combine it with pipeline parallelism. */
const mostTensorParallel = 16;
/** Values along a side of an FP8 block, which no cut may go through. */
export const fp8Block = 128;

/** `undefined` if a layer can be cut into so many parts, else why not. */
export function tensorParallelProblem(
  { architecture, quantisation }: ModelDescription,
  parts: number,
): string | undefined {
  if (!architecture) return undefined;
  const { heads, experts } = architecture;
  if (heads % parts !== 0) return `${heads} heads can't be shared by ${parts}`;
  const size = experts?.feedForward;
  if (quantisation.startsWith("FP8") && size !== undefined && (size / parts) % fp8Block !== 0)
    return `an expert's ${size} rows cut in ${parts} are no whole blocks of ${fp8Block}`;
  if (parts > mostTensorParallel)
    return `Moonshot's guide has tensor parallelism up to ${mostTensorParallel} only`;
  return undefined;
}
