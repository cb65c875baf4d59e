import { bf16FromF32, e4m3Values, f16FromF32, f32Bits } from "./float-formats.ts";

/**
 * Block-FP8 to a type directly: a block has one scale and 256 codes, so what becomes of each code is worked
 * out once and looked up for all its 16,384 values. Five times as fast as by way of F32, and bit for bit the same.
 */
export interface CodeRows {
  /** e4m3, whole rows. */
  readonly codes: Uint8Array;
  readonly columns: number;
  /** Rows that are missing before the first row of the first row of blocks. */
  readonly skippedRows: number;
  readonly blockRows: number;
  /** A multiple of 32. */
  readonly blockColumns: number;
  /** By row of blocks, then column. */
  readonly scales: Float32Array;
}

/** A block's part of the rows: where its codes begin, and how they lie. */
interface Block {
  readonly codes: Uint8Array;
  readonly first: number;
  readonly rows: number;
  readonly columns: number;
  /** From one row to the next. */
  readonly stride: number;
}

type BlockEncoder = (block: Block, out: Uint8Array) => void;

const encoders: Readonly<Record<string, BlockEncoder>> = {
  F32: encodeF32,
  F16: (block, out) => encodeHalves(block, out, f16FromF32),
  BF16: (block, out) => encodeHalves(block, out, bf16FromF32),
  Q8_0: encodeQ8_0,
  Q4_0: encodeQ4_0,
};

export function canEncodeCodes(type: string): boolean {
  return Object.hasOwn(encoders, type);
}

/** `false`, and nothing of use in `out`, if there is a value that is no number or an unusual scale: the way by F32 tells which. */
export function encodeCodes(type: string, rows: CodeRows, out: Uint8Array): boolean {
  const { codes, columns, skippedRows, blockRows, blockColumns, scales } = rows;
  const encode = encoders[type];
  if (!encode || hasNaN(codes)) return false;
  const rowCount = codes.length / columns;
  let block = 0;
  for (let row = 0; row < rowCount;) {
    const end = Math.min(rowCount, row + blockRows - ((skippedRows + row) % blockRows));
    for (let column = 0; column < columns; column += blockColumns) {
      if (!setScale(scales[block++] as number)) return false;
      const width = Math.min(blockColumns, columns - column);
      const first = row * columns + column;
      encode({ codes, first, rows: end - row, columns: width, stride: columns }, out);
    }
    row = end;
  }
  return true;
}

/** Four codes at once: adding one to 0x7f carries into the eighth bit. */
function hasNaN(codes: Uint8Array): boolean {
  const words = new Int32Array(codes.buffer, codes.byteOffset, codes.length >> 2);
  let found = 0;
  for (let i = 0; i < words.length; i++)
    found |= (((words[i] as number) & 0x7f7f7f7f) + 0x01010101) & 0x80808080;
  for (let i = words.length << 2; i < codes.length; i++)
    found |= ((codes[i] as number) & 0x7f) === 0x7f ? 1 : 0;
  return found !== 0;
}

/** Values of the codes with the block's scale. */
const scaled = new Float32Array(256);
let serial = 0;

function setScale(scale: number): boolean {
  // Below, different codes would become one value; above, F16 or F32 infinite.
  if (!(scale > 1e-30 && scale < 100)) return false;
  for (let code = 0; code < 256; code++) scaled[code] = (e4m3Values[code] as number) * scale;
  serial++;
  return true;
}

function encodeF32({ codes, first, rows, columns, stride }: Block, out: Uint8Array): void {
  const to = new Float32Array(out.buffer, out.byteOffset, out.byteLength >> 2);
  for (let row = 0; row < rows; row++) {
    const start = first + row * stride;
    for (let i = start; i < start + columns; i++) to[i] = scaled[codes[i] as number] as number;
  }
}

const halves = new Uint16Array(256);

function encodeHalves(
  { codes, first, rows, columns, stride }: Block,
  out: Uint8Array,
  convert: (bits: number) => number,
): void {
  for (let code = 0; code < 256; code++) halves[code] = convert(f32Bits(scaled[code] as number));
  const to = new Uint16Array(out.buffer, out.byteOffset, out.byteLength >> 1);
  for (let row = 0; row < rows; row++) {
    const start = first + row * stride;
    for (let i = start; i < start + columns; i++) to[i] = halves[codes[i] as number] as number;
  }
}

/** What each code becomes in a group whose largest magnitude, or first extreme, has a certain code; and the group's F16 scale. */
const levels = new Uint8Array(256 * 256);
const groupScales = new Uint16Array(256);
/** For which block these were worked out. */
const serials = new Int32Array(256);

function encodeQ8_0({ codes, first, rows, columns, stride }: Block, out: Uint8Array): void {
  for (let row = 0; row < rows; row++) {
    const start = first + row * stride;
    for (let from = start; from < start + columns; from += 32) {
      let largest = 0;
      for (let i = from; i < from + 32; i++) {
        const difference = largest - ((codes[i] as number) & 127);
        largest -= difference & (difference >> 31); // the larger one, without a branch to mispredict
      }
      if (serials[largest] !== serial) prepareQ8_0(largest);
      let to = (from >> 5) * 34;
      const half = groupScales[largest] as number;
      out[to++] = half;
      out[to++] = half >> 8;
      const table = largest << 8;
      for (let i = from; i < from + 32; i++)
        out[to++] = levels[table | (codes[i] as number)] as number;
    }
  }
}

/** As `quantizeQ8_0`, for a group whose largest magnitude is that of a code. */
function prepareQ8_0(largest: number): void {
  const scale = Math.fround((scaled[largest] as number) / 127);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  for (let code = 0; code <= largest; code++) {
    const level = (Math.fround((scaled[code] as number) * inverse) + 0.5) | 0;
    levels[(largest << 8) | code] = level;
    levels[(largest << 8) | 128 | code] = -level;
  }
  groupScales[largest] = f16FromF32(f32Bits(scale));
  serials[largest] = serial;
}

function encodeQ4_0({ codes, first, rows, columns, stride }: Block, out: Uint8Array): void {
  for (let row = 0; row < rows; row++) {
    const start = first + row * stride;
    for (let from = start; from < start + columns; from += 32) {
      let largest = 0;
      let extreme = 0;
      for (let i = from; i < from + 32; i++) {
        const code = codes[i] as number;
        if ((code & 127) <= largest) continue;
        largest = code & 127;
        extreme = code;
      }
      if (serials[extreme] !== serial) prepareQ4_0(extreme);
      let to = (from >> 5) * 18;
      const half = groupScales[extreme] as number;
      out[to++] = half;
      out[to++] = half >> 8;
      const table = extreme << 8;
      for (let i = from; i < from + 16; i++) {
        const low = levels[table | (codes[i] as number)] as number;
        out[to++] = low | ((levels[table | (codes[i + 16] as number)] as number) << 4);
      }
    }
  }
}

/** As `quantizeQ4_0`, for a group whose first extreme value is that of a code. */
function prepareQ4_0(extreme: number): void {
  const scale = Math.fround((scaled[extreme] as number) / -8);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  for (let code = 0; code < 256; code++) {
    const level = Math.fround(Math.fround((scaled[code] as number) * inverse) + 8.5) | 0;
    levels[(extreme << 8) | code] = level > 15 ? 15 : level;
  }
  groupScales[extreme] = f16FromF32(f32Bits(scale));
  serials[extreme] = serial;
}
