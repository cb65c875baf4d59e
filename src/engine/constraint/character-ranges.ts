/** Code points, both ends included, in order. Halves of surrogate pairs are no characters. */
export type Ranges = readonly (readonly [number, number])[];

export const last = 0x10ffff;
const digits: Ranges = [[0x30, 0x39]];
const wordChars: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const spaces: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
export const lineEnds: Ranges = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
export const anyCharacter: Ranges = [
  [0, 0xd7ff],
  [0xe000, last],
];
/** What a letter after a backslash stands for: a class. */
export const sets: Readonly<Record<string, Ranges>> = {
  d: digits,
  D: complement(digits),
  w: wordChars,
  W: complement(wordChars),
  s: spaces,
  S: complement(spaces),
};
/** What a letter after a backslash stands for: one character. */
export const controls: Readonly<Record<string, number>> = {
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  "0": 0,
};

export function single(char: string): Ranges {
  const value = char.codePointAt(0) ?? 0;
  return [[value, value]];
}

export function complement(ranges: Ranges): Ranges {
  const result: [number, number][] = [];
  let from = 0;
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (low > from) result.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  if (from <= last) result.push([from, last]);
  return withoutSurrogates(result);
}

export function withoutSurrogates(ranges: Ranges): Ranges {
  return ranges.flatMap(([low, high]): [number, number][] => [
    ...(low < 0xd800 ? [[low, Math.min(high, 0xd7ff)] as [number, number]] : []),
    ...(high > 0xdfff ? [[Math.max(low, 0xe000), high] as [number, number]] : []),
  ]);
}
