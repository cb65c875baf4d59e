/**
 * A text in which nothing hides: what would be invisible, turn the direction or control the terminal is
 * shown by a sign. For what is approved: what is seen must be what runs.
 */
export function visible(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029\u115f\u1160\u3164\uffa0]/gu, (character) => {
      const code = character.codePointAt(0) ?? 0;
      if (character === "\n" || character === "\t") return character;
      if (code < 0x20) return String.fromCharCode(0x2400 + code);
      return code === 0x7f ? "\u2421" : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
    });
}
