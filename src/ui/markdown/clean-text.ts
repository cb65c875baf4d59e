import { withoutControls } from "../../render/text.ts";

/**
 * Text of a model or tool that is safe to show: without control characters but tab and line break,
 * without the controls that turn the direction of what stands around them, without halves of
 * surrogate pairs. The separators U+2028 and U+2029 become spaces.
 */
export function cleanText(text: string): string {
  return withoutControls(text)
    .toWellFormed()
    .replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, "")
    .replaceAll(/[\u2028\u2029]/g, " ");
}

/** A line with spaces up to the next multiple of 4 for each tab. */
export function expandTabs(line: string): string {
  if (!line.includes("\t")) return line;
  let column = 0;
  const parts = line.split("\t");
  return parts
    .map((part, index) => {
      if (index === parts.length - 1) return part;
      const width = part.length + 4 - ((column + part.length) % 4);
      column += width;
      return part.padEnd(width);
    })
    .join("");
}
