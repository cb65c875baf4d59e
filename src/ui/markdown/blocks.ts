import type { CodeLines } from "./code-lines.ts";

/** What a block stands in: `> `, or an item of a list. */
export type Container = Quote | Item;

export interface Quote {
  readonly type: "quote";
  readonly id: number;
}

export interface Item {
  readonly type: "item";
  readonly id: number;
  /** The id of the list's first item. */
  readonly list: number;
  /** `-`, `*`, `+`, `.` or `)`. */
  readonly kind: string;
  readonly number: number;
  /** `[x] ` or `[ ] ` of a task. */
  readonly task: string | undefined;
  /** Columns that further lines of the source are indented by. */
  indent: number;
  /** Whether nothing followed the marker yet. */
  isEmpty: boolean;
  /** Whether a line with the marker was written. */
  isShown: boolean;
}

/**
 * How a block stands to the one before: with a blank line of the source between them, without, or
 * as a further part of it.
 */
export type Spacing = "blank" | "adjacent" | "continued";

/** The block that lines are being added to. */
export type Leaf = TextLines | Verbatim;

/** A table's lines are the header, the delimiter row, then rows. */
export interface TextLines {
  readonly type: "paragraph" | "table";
  readonly lines: string[];
  readonly spacing: Spacing;
}

/** Lines that are no Markdown: each is written as it comes. */
export interface Verbatim {
  readonly type: "verbatim";
  readonly form: VerbatimForm;
  readonly code: CodeLines;
  readonly spacing: Spacing;
}

export type VerbatimForm =
  | { readonly type: "fence"; readonly fence: string; readonly indent: number }
  | { readonly type: "indented" }
  /** `end` is the text that ends it; empty, a blank line does. */
  | { readonly type: "html"; readonly end: string };
