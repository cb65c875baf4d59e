import { KimiError } from "../errors.ts";
import type { CheckpointFiles } from "./checkpoint-files.ts";
import type { TensorHead } from "./checkpoint-head.ts";

/** The format's own limit of a header, bytes (safetensors README). */
const largestHeader = 100_000_000;
const firstPiece = 1 << 16;

/**
 * The tensors of a safetensors file: 8 bytes of length, then JSON (github.com/huggingface/safetensors).
 * @throws KimiError for a header that is none or a file that ends too early.
 */
export async function readSafetensorsPieces(
  files: CheckpointFiles,
  name: string,
): Promise<TensorHead[]> {
  const sizeBytes = await files.sizeOf(name);
  const beginning = await files.read(name, 0, Math.min(firstPiece, sizeBytes));
  const length = beginning.length < 8 ? 0 : Number(beginning.readBigUInt64LE());
  if (length < 2 || length > largestHeader || length > sizeBytes - 8)
    throw badHeader(files, name, `it says that its header has ${length} bytes`);
  const more = 8 + length - beginning.length;
  const header =
    more > 0
      ? Buffer.concat([beginning, await files.read(name, beginning.length, more)])
      : beginning;
  const tensors = parseHeader(header.subarray(8, 8 + length), (what) =>
    badHeader(files, name, what),
  );
  const end = Math.max(0, ...tensors.map(({ end }) => end));
  if (8 + length + end > sizeBytes)
    throw badHeader(
      files,
      name,
      `it has ${sizeBytes} bytes and needs ${8 + length + end}: it is cut off`,
    );
  return tensors.map(({ tensor }) => tensor);
}

function parseHeader(
  bytes: Buffer,
  bad: (what: string) => KimiError,
): { readonly tensor: TensorHead; readonly end: number }[] {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw bad("its header is not JSON");
  }
  if (typeof json !== "object" || json === null) throw bad("its header is not an object");
  return Object.entries(json).flatMap(([name, value]: [string, unknown]) => {
    if (name === "__metadata__") return [];
    const entry = value as { dtype?: unknown; shape?: unknown; data_offsets?: unknown } | null;
    const { dtype, shape, data_offsets: offsets } = entry ?? {};
    if (typeof dtype !== "string" || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2)
      throw bad(`its header is wrong at ${name}`);
    const [start = 0, end = 0] = offsets;
    return [{ tensor: { name, shape, type: dtype, sizeBytes: end - start, count: 1 }, end }];
  });
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function badHeader({ location }: CheckpointFiles, name: string, what: string): KimiError {
  return new KimiError(`${location}: ${name} is not a whole safetensors file: ${what}`, {
    code: "bad-model-file",
    hint: "Download or copy it again, and compare its size with the original's.",
  });
}
