import stringWidth from "string-width";
import type { Theme } from "../theme.ts";
import { columns } from "./graphemes.ts";
import { inlineSpans } from "./inline.ts";
import { wrapSpans } from "./wrap.ts";
import type { Span } from "./wrap.ts";

type Alignment = "left" | "right" | "center";
type Cell = readonly Span[];

export interface TableOptions {
  readonly width: number;
  readonly theme: Theme;
  /** Whether rows before were shown with the header already. */
  readonly isContinued: boolean;
}

const leastColumn = 3;
const separator = " │ ";

/** Cells of a row: `|` parts them, `\|` is a bar in one. */
function splitCells(line: string): string[] {
  const text = line.trim();
  const cells: string[] = [];
  let cell = "";
  for (let index = text.startsWith("|") ? 1 : 0; index < text.length; index++) {
    if (text[index] === "\\" && text[index + 1] === "|") {
      cell += "|";
      index++;
    } else if (text[index] === "|") {
      cells.push(cell.trim());
      cell = "";
    } else cell += text[index] ?? "";
  }
  if (cell.trim() !== "" || cells.length === 0) cells.push(cell.trim());
  return cells;
}

/** Whether `line` is the `|---|` of a table with this header. */
export function isDelimiterRow(line: string, header: string): boolean {
  if (!/^ {0,3}[|:-][|: -]*$/.test(line) || !line.includes("|")) return false;
  const cells = splitCells(line);
  return cells.every((cell) => /^:?-+:?$/.test(cell)) && cells.length === splitCells(header).length;
}

/** Lines of a table: a header, its delimiter row, then rows. */
export function renderTable(lines: readonly string[], options: TableOptions): string[] {
  const [header = "", delimiters = "", ...rows] = lines;
  const alignments = splitCells(delimiters).map(alignmentOf);
  const cellsOf = (line: string, isHeader: boolean): Cell[] => {
    const cells = splitCells(line);
    const style = isHeader ? options.theme.bold : undefined;
    return alignments.map((_, column) =>
      inlineSpans(cells[column] ?? "", { theme: options.theme, style, isCell: true }),
    );
  };
  const table = { header: cellsOf(header, true), rows: rows.map((row) => cellsOf(row, false)) };
  const natural = alignments.map((_, column) =>
    Math.max(1, ...[table.header, ...table.rows].map((row) => widthOf(row[column] ?? []))),
  );
  const widths = fitted(natural, options.width - separator.length * (natural.length - 1));
  return widths === undefined
    ? pairs(table, options)
    : grid(table, { ...options, widths, alignments });
}

function alignmentOf(delimiter: string): Alignment {
  if (!delimiter.endsWith(":")) return "left";
  return delimiter.startsWith(":") ? "center" : "right";
}

function widthOf(cell: Cell): number {
  const text = cell.map((span) => span.text).join("");
  return Math.max(...text.split("\n").map(columns));
}

/** Widths that fit in `room`: narrow columns keep theirs, the others share what is left. */
function fitted(natural: readonly number[], room: number): number[] | undefined {
  const widths = [...natural];
  const byWidth = [...natural.entries()].sort(([, one], [, other]) => one - other);
  let left = room;
  for (const [rank, [column, width]] of byWidth.entries()) {
    const share = Math.floor(left / (byWidth.length - rank));
    const given = Math.min(width, share);
    if (given < Math.min(width, leastColumn)) return undefined;
    widths[column] = given;
    left -= given;
  }
  return widths;
}

interface Table {
  readonly header: readonly Cell[];
  readonly rows: readonly (readonly Cell[])[];
}

interface Grid extends TableOptions {
  readonly widths: readonly number[];
  readonly alignments: readonly Alignment[];
}

function grid({ header, rows }: Table, options: Grid): string[] {
  const { theme, widths, isContinued } = options;
  const rule = theme.border(widths.map((width) => "─".repeat(width)).join("─┼─"));
  const shown = rows.map((row) => gridRow(row, options));
  const lines = isContinued ? [] : [...gridRow(header, options), rule];
  // Rows of several lines can't be told apart without a line between.
  const between = shown.some((row) => row.length > 1) ? [rule] : [];
  for (const [index, row] of shown.entries()) lines.push(...(index > 0 ? between : []), ...row);
  return lines;
}

function gridRow(row: readonly Cell[], { theme, widths, alignments }: Grid): string[] {
  const cells = row.map((cell, column) => wrapSpans(cell, widths[column] ?? 1));
  const height = Math.max(...cells.map((lines) => lines.length));
  const bar = theme.border(separator.trimEnd());
  return Array.from({ length: height }, (_, at) =>
    cells
      .map((lines, column) => {
        const text = lines[at] ?? "";
        return { text, ...padding(text, widths[column] ?? 1, alignments[column] ?? "left") };
      })
      .map(({ text, before, after }) => `${" ".repeat(before)}${text}${" ".repeat(after)}`)
      .join(`${bar} `)
      .trimEnd(),
  );
}

function padding(text: string, width: number, alignment: Alignment) {
  const room = Math.max(0, width - stringWidth(text));
  if (alignment === "left") return { before: 0, after: room };
  if (alignment === "right") return { before: room, after: 0 };
  return { before: Math.floor(room / 2), after: Math.ceil(room / 2) };
}

/** The table as `header: value` lines, with a blank line between rows. */
function pairs({ header, rows }: Table, { width, theme }: TableOptions): string[] {
  return rows.flatMap((row, index) => {
    const lines = row.flatMap((cell, column) => {
      const name = [...(header[column] ?? []), { text: ": ", style: theme.bold }];
      return wrapSpans([...name, ...cell], width);
    });
    return index === 0 ? lines : ["", ...lines];
  });
}
