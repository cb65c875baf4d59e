/** What undo takes back and redo does again, as differences: a step costs what it changed. */

/** One step; the whole history is the steps behind it. */
export interface EditStep {
  /** Where in the text, UTF-16 units. */
  readonly at: number;
  readonly removed: string;
  readonly inserted: string;
  readonly cursorBefore: number;
  readonly cursorAfter: number;
  readonly next: EditStep | undefined;
}

/** Single characters that follow each other become one step of about a word, as in Emacs. */
export type Grouping = "type" | "erase";

const longestGroup = 20;

/** The step that stands for `first` and then `second`; undefined when they are better kept apart. */
export function joinSteps(
  first: EditStep,
  second: EditStep,
  grouping: Grouping,
): EditStep | undefined {
  const cursorAfter = second.cursorAfter;
  if (grouping === "type") {
    const follows = first.removed === "" && second.removed === "";
    if (!follows || second.at !== first.at + first.inserted.length) return undefined;
    if (first.inserted.length >= longestGroup || beginsWord(first, second)) return undefined;
    return { ...first, inserted: first.inserted + second.inserted, cursorAfter };
  }
  if (first.inserted !== "" || second.inserted !== "") return undefined;
  if (first.removed.length >= longestGroup) return undefined;
  if (second.at === first.at) {
    return { ...first, removed: first.removed + second.removed, cursorAfter };
  }
  if (second.at + second.removed.length === first.at) {
    return { ...first, at: second.at, removed: second.removed + first.removed, cursorAfter };
  }
  return undefined;
}

function beginsWord(first: EditStep, second: EditStep): boolean {
  return /\s$/.test(first.inserted) && !/^\s/.test(second.inserted);
}
