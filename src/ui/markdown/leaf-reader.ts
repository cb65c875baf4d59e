import type { BlockWriter } from "./block-writer.ts";
import type { Container, Leaf, Spacing, TextLines, Verbatim, VerbatimForm } from "./blocks.ts";
import { CodeLines } from "./code-lines.ts";
import { renderHeading, renderParagraph, renderRule } from "./leaves.ts";
import * as syntax from "./line-syntax.ts";
import { isDelimiterRow, renderTable } from "./table.ts";

/** A paragraph is written up to its last line beyond this, so that its cost has a bound. */
const longestParagraph = 8000;
const longestTable = 20_000;

type Path = readonly Container[];

/** Reads the blocks that hold text, and writes each when no further line can change it. */
export class LeafReader {
  readonly #writer: BlockWriter;
  #leaf: Leaf | undefined;
  #length = 0;
  #isAfterBlank = false;

  constructor(writer: BlockWriter) {
    this.#writer = writer;
  }

  /** A reader in the same state, which writes to another writer. */
  fork(writer: BlockWriter): LeafReader {
    const copy = new LeafReader(writer);
    const leaf = this.#leaf;
    if (leaf?.type === "verbatim") copy.#leaf = { ...leaf, code: leaf.code.fork() };
    else if (leaf !== undefined) copy.#leaf = { ...leaf, lines: [...leaf.lines] };
    copy.#length = this.#length;
    copy.#isAfterBlank = this.#isAfterBlank;
    return copy;
  }

  get isParagraph(): boolean {
    return this.#leaf?.type === "paragraph";
  }

  /** Takes a line as part of code or HTML that is open, and says whether it was. */
  readVerbatim(path: Path, line: string): boolean {
    const leaf = this.#leaf;
    if (leaf?.type !== "verbatim") return false;
    const { form } = leaf;
    if (form.type === "fence") {
      if (syntax.endsFence(line, form.fence)) this.#leaf = undefined;
      else this.#writeVerbatim(path, leaf, withoutIndent(line, form.indent));
      return true;
    }
    const isBlank = syntax.isBlank(line);
    if (form.type === "indented") {
      if (!isBlank && syntax.indentOf(line) < 4) this.#leaf = undefined;
      else this.#writeVerbatim(path, leaf, withoutIndent(line, 4));
      if (this.#leaf !== undefined) this.#isAfterBlank = isBlank;
      return this.#leaf !== undefined;
    }
    if (form.end === "" && isBlank) this.#leaf = undefined;
    else this.#writeVerbatim(path, leaf, line);
    if (form.end !== "" && line.toLowerCase().includes(form.end)) this.#leaf = undefined;
    return !(form.end === "" && isBlank);
  }

  /** Takes a blank line. */
  readBlank(path: Path): void {
    this.close(path);
    this.#isAfterBlank = true;
  }

  /** Takes a line that is not blank: it goes on with what is open, or begins a block. */
  read(path: Path, line: string): void {
    const leaf = this.#leaf;
    if (leaf?.type === "paragraph" && this.#turnParagraph(path, leaf, line)) return;
    const heading = syntax.readHeading(line);
    const fence = syntax.readFence(line);
    const html = syntax.readHtml(line, leaf !== undefined);
    if (heading !== undefined) this.#writeHeading(path, heading);
    else if (syntax.isRule(line)) this.#writeRule(path);
    else if (fence !== undefined) {
      const form: VerbatimForm = { type: "fence", fence: fence.fence, indent: fence.indent };
      this.#open(path, { form, code: CodeLines.code(fence.language, this.#writer.theme) });
    } else if (html !== undefined) {
      this.#open(path, { form: { type: "html", end: html }, code: CodeLines.text() });
      this.readVerbatim(path, line);
    } else if (leaf === undefined && syntax.indentOf(line) >= 4) {
      const code = CodeLines.code("", this.#writer.theme);
      this.#open(path, { form: { type: "indented" }, code });
      this.readVerbatim(path, line);
    } else this.addText(path, line);
  }

  /** Takes a line as text, whatever it looks like. */
  addText(path: Path, line: string): void {
    if (this.readVerbatim(path, line)) return;
    const leaf = this.#leaf;
    if (leaf === undefined || leaf.type === "verbatim") {
      this.#leaf = { type: "paragraph", lines: [line], spacing: this.#spacing() };
      this.#length = line.length;
      return;
    }
    leaf.lines.push(line);
    this.#length += line.length + 1;
    if (this.#length > (leaf.type === "table" ? longestTable : longestParagraph))
      this.#writePart(path, leaf);
  }

  /** Writes what there is of a paragraph, which stays open. */
  writeText(path: Path): void {
    const leaf = this.#leaf;
    if (leaf?.type !== "paragraph" || leaf.lines.length === 0) return;
    this.#writeLines(path, leaf);
    this.#leaf = { type: "paragraph", lines: [], spacing: "continued" };
    this.#length = 0;
  }

  /** Writes what is open, which ends here. */
  close(path: Path): void {
    const leaf = this.#leaf;
    this.#leaf = undefined;
    if (leaf !== undefined && leaf.type !== "verbatim") this.#writeLines(path, leaf);
  }

  /** Writes the marker of an item without text. */
  writeEmptyItem(path: Path): void {
    this.#writer.write(path, this.#spacing(), () => [""]);
  }

  /** Whether a line makes a heading or table of the paragraph above. */
  #turnParagraph(path: Path, leaf: TextLines, line: string): boolean {
    const depth = syntax.underlineDepth(line);
    const header = leaf.lines.at(-1);
    if (header === undefined) return false;
    if (depth !== undefined) {
      this.#leaf = undefined;
      this.#isAfterBlank = leaf.spacing === "blank";
      this.#writeHeading(path, { depth, text: leaf.lines.join("\n") });
      return true;
    }
    if (!isDelimiterRow(line, header)) return false;
    const lines = [header, line];
    if (leaf.lines.length > 1) {
      this.#writeLines(path, { ...leaf, lines: leaf.lines.slice(0, -1) });
      this.#leaf = { type: "table", lines, spacing: "adjacent" };
    } else this.#leaf = { type: "table", lines, spacing: leaf.spacing };
    this.#length = header.length + line.length;
    return true;
  }

  /** Writes what of a long block is certain, and goes on with the rest. */
  #writePart(path: Path, leaf: TextLines): void {
    const isTable = leaf.type === "table";
    if (leaf.lines.length < (isTable ? 3 : 2)) return;
    const rest = isTable ? leaf.lines.slice(0, 2) : leaf.lines.slice(-1);
    this.#writeLines(path, isTable ? leaf : { ...leaf, lines: leaf.lines.slice(0, -1) });
    this.#leaf = { ...leaf, lines: [...rest], spacing: "continued" };
    this.#length = rest.join("\n").length;
  }

  #writeLines(path: Path, { type, lines, spacing }: TextLines): void {
    const { theme } = this.#writer;
    const isContinued = spacing === "continued";
    if (lines.length === 0) return;
    this.#writer.write(path, spacing, (width) =>
      type === "table"
        ? renderTable(lines, { width, theme, isContinued })
        : renderParagraph(lines.join("\n"), { width, theme }),
    );
  }

  #writeHeading(path: Path, heading: syntax.Heading): void {
    const { theme } = this.#writer;
    this.close(path);
    this.#writer.write(path, this.#spacing(), (width) => renderHeading(heading, { width, theme }));
  }

  #writeRule(path: Path): void {
    const { theme } = this.#writer;
    this.close(path);
    this.#writer.write(path, this.#spacing(), (width) => renderRule({ width, theme }));
  }

  #open(path: Path, verbatim: Pick<Verbatim, "form" | "code">): void {
    this.close(path);
    this.#leaf = { type: "verbatim", ...verbatim, spacing: this.#spacing() };
  }

  #writeVerbatim(path: Path, leaf: Verbatim, line: string): void {
    let count = 0;
    this.#writer.write(path, leaf.spacing, (width) => {
      const lines = leaf.code.next(line, width);
      count = lines.length;
      return lines;
    });
    if (count > 0) this.#leaf = { ...leaf, spacing: "continued" };
  }

  #spacing(): Spacing {
    const spacing = this.#isAfterBlank ? "blank" : "adjacent";
    this.#isAfterBlank = false;
    return spacing;
  }
}

function withoutIndent(line: string, most: number): string {
  return line.slice(Math.min(most, syntax.indentOf(line)));
}
