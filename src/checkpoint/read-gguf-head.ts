import type { CheckpointFiles } from "./checkpoint-files.ts";
import type { TensorHead } from "./checkpoint-head.ts";
import { readGgufHead, type GgufFile } from "./gguf-read.ts";

/** Holds K2's whole head with its vocabulary in the third try. */
const firstPiece = 1 << 20;

/**
 * The head of a GGUF file whose bytes come a piece at a time: as much of its beginning as the head takes.
 * @throws KimiError for what is no GGUF file, and what `read` throws.
 */
export async function readGgufPieces(files: CheckpointFiles, name: string): Promise<GgufFile> {
  const sizeBytes = await files.sizeOf(name);
  let beginning = await files.read(name, 0, Math.min(firstPiece, sizeBytes));
  for (;;) {
    const read = (start: number, length: number): Buffer => {
      if (start + length > beginning.length) throw new TooShort();
      return beginning.subarray(start);
    };
    try {
      return readGgufHead({ sizeBytes, read }, `${files.location}: ${name}`);
    } catch (thrown) {
      if (!(thrown instanceof TooShort) || beginning.length >= sizeBytes) throw thrown;
    }
    const more = Math.min(beginning.length * 3, sizeBytes - beginning.length);
    const next = await files.read(name, beginning.length, more);
    if (next.length === 0) throw new Error(`${name} ends before its ${sizeBytes} bytes`);
    beginning = Buffer.concat([beginning, next]);
  }
}

/** The head goes on beyond what has been read. */
class TooShort extends Error {}

export function ggufTensors({ tensors }: GgufFile): TensorHead[] {
  return tensors.map(({ name, dimensions, type, size }) => ({
    name,
    shape: dimensions.toReversed(),
    type,
    sizeBytes: size,
    count: 1,
  }));
}
