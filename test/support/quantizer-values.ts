import { randomNumbers } from "./synthetic-tensors.ts";

/** Rows of 256 values of every kind that quantizers treat apart: many sizes, ties, zeros, subnormals, outliers. */
export function quantizerValues(rows = 64): Float32Array {
  const random = randomNumbers(1);
  const values = new Float32Array(rows * 256);
  for (let row = 0; row < rows; row++) {
    const size = 2 ** Math.floor(random() * 40 - 30);
    for (let i = 0; i < 256; i++) values[256 * row + i] = valueOf(row % 8, random, size);
  }
  return values;
}

function valueOf(kind: number, random: () => number, size: number): number {
  const even = random() * 2 - 1;
  switch (kind) {
    case 0:
      return even;
    case 1:
      return even * size;
    case 2:
      return Math.round(even * 127) / 2;
    case 3:
      return Math.round(even * 16) / 2;
    case 4:
      return 0;
    case 5:
      return even * 2 ** -Math.floor(random() * 140);
    case 6:
      return random() < 0.9 ? 0 : even;
    default:
      return even ** 3 * 0.02;
  }
}
