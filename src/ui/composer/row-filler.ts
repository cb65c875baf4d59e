/** Rows of one line while they are filled. */
import { beginsPlaceholder } from "./pastes.ts";

const isSpace = (unit: number): boolean => unit === 0x20 || unit === 0x09 || unit === 0x3000;

/** Rows hold `limit` columns, and one more if it's a space. Cells are added in order. */
export class RowFiller {
  /** Where the rows begin in the line, UTF-16 units. */
  readonly starts: number[];
  /** Columns filled in the last row. */
  column = 0;
  private readonly line: string;
  private readonly limit: number;
  /** The last place in the row where it may be broken, and the column there. */
  private breakAt = 0;
  private breakColumn = 0;

  /** Begins at the last of `starts`. */
  constructor(line: string, limit: number, starts: readonly number[] = [0]) {
    this.line = line;
    this.limit = limit;
    this.starts = [...starts];
  }

  get start(): number {
    return this.starts.at(-1) ?? 0;
  }

  add(from: number, to: number, width: number): void {
    const unit = this.line.charCodeAt(from);
    if (isSpace(unit)) {
      const last = width === 1 ? this.limit + 1 : this.limit;
      if (this.column + width > last) this.startRow(from, 0);
      this.column += width;
      this.mayBreak(to);
      return;
    }
    const isBreakable = width > 1 || beginsPlaceholder(unit);
    if (isBreakable) this.mayBreak(from);
    if (this.column + width > this.limit) {
      if (this.breakAt > this.start) this.startRow(this.breakAt, this.column - this.breakColumn);
      if (this.column + width > this.limit) this.startRow(from, 0);
    }
    this.column += width;
    if (isBreakable) this.mayBreak(to);
  }

  private mayBreak(at: number): void {
    this.breakAt = at;
    this.breakColumn = this.column;
  }

  private startRow(at: number, column: number): void {
    if (at > this.start) this.starts.push(at);
    this.column = column;
  }
}
