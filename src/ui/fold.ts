export interface FoldOptions {
  readonly limit: number;
  readonly style: (text: string) => string;
  /** How to see the rest. */
  readonly hint: string;
}

/** The first and last of many lines, and between them a line on how many are left out. */
export function foldLines(
  lines: readonly string[],
  { limit, style, hint }: FoldOptions,
): readonly string[] {
  if (lines.length <= limit + 1) return lines;
  const head = Math.ceil(limit / 2);
  const tail = limit - head;
  const more = style(`  … ${lines.length - limit} more lines${hint}`);
  return [...lines.slice(0, head), more, ...(tail === 0 ? [] : lines.slice(-tail))];
}
