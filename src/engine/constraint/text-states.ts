/**
 * The characters of a string so far, as far as they decide what may follow. Never changes; from
 * every state some further characters lead to a complete text.
 */
export interface TextState {
  readonly isComplete: boolean;
  /** Whether printable ASCII is only written as itself, and not as `\u` and four digits. */
  readonly isPlain?: true;
  next(codePoint: number): TextState | undefined;
  /** Whether a code point of this range, both ends included, may follow. */
  canFollow(low: number, high: number): boolean;
}

const freeText: TextState = {
  isComplete: true,
  next: () => freeText,
  canFollow: () => true,
};

/** Any text of so many code points; `least` must not exceed `most`. */
export function boundedText(least: number, most: number, read = 0): TextState {
  if (least === 0 && most === Number.POSITIVE_INFINITY) return freeText;
  if (most === Number.POSITIVE_INFINITY && read >= least) return freeText;
  return {
    isComplete: read >= least,
    next: () => (read < most ? boundedText(least, most, read + 1) : undefined),
    canFollow: () => read < most,
  };
}

interface WordNode extends TextState {
  isComplete: boolean;
  readonly children: Map<number, WordNode>;
}

/** One of these words, of which there must be one. */
export function oneOfWords(words: Iterable<string>): TextState {
  const root = wordNode();
  for (const word of words) {
    let node = root;
    for (const char of word) {
      const codePoint = char.codePointAt(0) ?? 0;
      let child = node.children.get(codePoint);
      if (!child) node.children.set(codePoint, (child = wordNode()));
      node = child;
    }
    node.isComplete = true;
  }
  return root;
}

function wordNode(): WordNode {
  const children = new Map<number, WordNode>();
  return {
    isComplete: false,
    isPlain: true,
    children,
    next: (codePoint) => children.get(codePoint),
    canFollow: (low, high) => children.keys().some((key) => key >= low && key <= high),
  };
}

/** Whether a text is complete in the end. */
export function acceptsText(start: TextState, text: string): boolean {
  let state: TextState | undefined = start;
  for (const char of text) state = state?.next(char.codePointAt(0) ?? 0);
  return state?.isComplete === true;
}
