/**
 * A word as a POSIX shell reads it: exactly `word` again. Bare where every shell takes it literally, else in single quotes.
 * `word` holds no NUL, which no argument can.
 */
export function shellQuote(word: string): string {
  return /^[\w./:@%+,-][\w./:@%+,=-]*$/.test(word)
    ? word
    : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** Words as one line that gives back exactly these words. */
export function quoteForShell(words: readonly string[]): string {
  return words.map(shellQuote).join(" ");
}
