import type { BlockWriter } from "./block-writer.ts";
import type { Container, Item } from "./blocks.ts";
import { LeafReader } from "./leaf-reader.ts";
import * as syntax from "./line-syntax.ts";

/** Containers within one another; what is deeper is text. */
const deepest = 12;

/**
 * Reads Markdown line by line and writes each block as soon as no further line can change it: a
 * paragraph at its end, a line of code at once. So the lines written never depend on what comes
 * later, and a text takes time linear in its length. It follows CommonMark's block structure with
 * GitHub's tables and tasks, and departs from it in that
 * - definitions of link references (`[a]: url`) stay text, and references to them too,
 * - the blocks of a list have blank lines between them where the source has,
 * - bullets in an item of an ordered list need be indented by two columns only.
 *
 * Lines must be clean of control characters and tabs, and have no line break.
 */
export class BlockReader {
  #leaf: LeafReader;
  #path: Container[] = [];
  #isWithinLine = false;
  #ids = 0;

  constructor(writer: BlockWriter) {
    this.#leaf = new LeafReader(writer);
  }

  /** A reader in the same state, which writes to another writer. */
  fork(writer: BlockWriter): BlockReader {
    const copy = new BlockReader(writer);
    copy.#leaf = this.#leaf.fork(writer);
    copy.#path = this.#path.map((container) => ({ ...container }));
    copy.#isWithinLine = this.#isWithinLine;
    copy.#ids = this.#ids;
    return copy;
  }

  /** Takes a line, or the end of one that `part` began. */
  line(text: string): void {
    if (this.#isWithinLine) this.#leaf.addText(this.#path, text);
    else this.#readLine(text);
    this.#isWithinLine = false;
  }

  /** Takes a part of a line that is too long to wait for its end, and writes it. */
  part(text: string): void {
    this.line(text);
    this.#isWithinLine = true;
    this.#leaf.writeText(this.#path);
  }

  /** Writes what is left. */
  end(): void {
    this.#closeTo(0);
    this.#leaf.close(this.#path);
  }

  #readLine(text: string): void {
    const { depth, rest } = this.#continued(text);
    const isBlank = syntax.isBlank(rest);
    if (depth < this.#path.length && this.#leaf.isParagraph && !isBlank && !startsBlock(rest))
      return this.#leaf.addText(this.#path, rest);
    const left = this.#path[depth];
    this.#closeTo(depth);
    if (this.#leaf.readVerbatim(this.#path, rest)) return;
    if (isBlank) return this.#leaf.readBlank(this.#path);
    const inner = this.#openContainers(rest, left);
    if (syntax.isBlank(inner)) return;
    for (const container of this.#path) if (container.type === "item") container.isEmpty = false;
    this.#leaf.read(this.#path, inner);
  }

  /** How many of the open containers a line is in, and the line within them. */
  #continued(text: string): { depth: number; rest: string } {
    let rest = text;
    for (const [depth, container] of this.#path.entries()) {
      const inner =
        container.type === "quote" ? syntax.afterQuote(rest) : withinItem(rest, container);
      if (inner === undefined) return { depth, rest };
      rest = inner;
    }
    return { depth: this.#path.length, rest };
  }

  /** Opens the quotes and items that a line begins, the first next to the container just left. */
  #openContainers(line: string, left: Container | undefined): string {
    let rest = line;
    let before = left;
    while (this.#path.length < deepest) {
      const quoted = syntax.afterQuote(rest);
      const item = quoted === undefined ? this.#readItem(rest) : undefined;
      if (quoted === undefined && item === undefined) break;
      this.#leaf.close(this.#path);
      if (quoted !== undefined) {
        this.#path.push({ type: "quote", id: ++this.#ids });
        rest = quoted;
      } else if (item !== undefined) rest = this.#openItem(rest, item, before);
      before = undefined;
    }
    return rest;
  }

  /** An item, which ends a paragraph only if it is no stray dash or number. */
  #readItem(line: string): syntax.ItemStart | undefined {
    const item = syntax.readItem(line);
    if (item === undefined || !this.#leaf.isParagraph) return item;
    const isStray = item.isEmpty || (!syntax.isBullet(item.kind) && item.number !== 1);
    return isStray ? undefined : item;
  }

  #openItem(line: string, start: syntax.ItemStart, before: Container | undefined): string {
    const { kind, indent, isEmpty } = start;
    const id = ++this.#ids;
    const sibling = before?.type === "item" && before.kind === kind ? before : undefined;
    const number = sibling === undefined ? start.number : sibling.number + 1;
    const text = line.slice(indent);
    const task = /^\[[ xX]\] (?=.*[^ ])/.exec(text)?.[0].toLowerCase();
    const numbered = { id, list: sibling?.list ?? id, kind, number, task };
    this.#path.push({ type: "item", ...numbered, indent, isEmpty, isShown: false });
    return text.slice(task?.length ?? 0);
  }

  #closeTo(depth: number): void {
    if (depth === this.#path.length) return;
    this.#leaf.close(this.#path);
    for (let last = this.#path.at(-1); this.#path.length > depth; last = this.#path.at(-1)) {
      if (last?.type === "item" && !last.isShown) this.#leaf.writeEmptyItem(this.#path);
      this.#path.pop();
    }
  }
}

/** A line as it is within an item, if it is indented enough for it. */
function withinItem(line: string, item: Item): string | undefined {
  if (syntax.isBlank(line)) return item.isEmpty ? undefined : "";
  const indent = syntax.indentOf(line);
  if (indent >= item.indent) return line.slice(item.indent);
  if (indent < 2 || syntax.isBullet(item.kind)) return undefined;
  const inner = line.slice(indent);
  const bullet = syntax.readItem(inner);
  if (bullet === undefined || !syntax.isBullet(bullet.kind)) return undefined;
  item.indent = indent;
  return inner;
}

/** Whether a line ends a paragraph whose containers it is not in. */
function startsBlock(line: string): boolean {
  return (
    syntax.afterQuote(line) !== undefined ||
    syntax.readItem(line) !== undefined ||
    syntax.isRule(line) ||
    syntax.readFence(line) !== undefined ||
    syntax.readHeading(line) !== undefined ||
    syntax.readHtml(line, true) !== undefined
  );
}
