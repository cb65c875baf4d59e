import type { Print } from "./chat-state.ts";
import type { Printer } from "./printer.ts";

/** Of what was printed, the newest pieces that Ink may not have written yet. */
const keptPieces = 100;

/** Everything that was printed, for Ink to write each piece once. */
export class Scrollback {
  #printer: Printer | undefined;
  readonly #pieces: string[] = [];

  /** Nothing is printed before: the printer is loaded once the prompt is on the screen. */
  open(printer: Printer): void {
    this.#printer = printer;
  }

  /** What Ink has written already is emptied: it counts the pieces, and never looks at one again. */
  get printed(): readonly string[] {
    return [...this.#pieces];
  }

  get showsThinking(): boolean {
    return this.#printer?.showsThinking ?? false;
  }

  /** The end of the answer that is not final yet. */
  pending(maxLines: number): readonly string[] {
    return this.#printer?.pending(maxLines) ?? [];
  }

  /** @returns whether they were taken */
  print(items: readonly Print[]): boolean {
    if (!this.#printer) return false;
    const lines: string[] = [];
    for (const item of items) lines.push(...this.#printer.print(item));
    this.#add(lines);
    return true;
  }

  /** Prints what was folded last in full; while the model thinks, its thinking whole from now on, or no more. */
  fold(isThinking: boolean): void {
    if (!this.#printer) return;
    if (isThinking) this.#printer.showsThinking = !this.#printer.showsThinking;
    else this.#add(this.#printer.unfold() ?? []);
  }

  #add(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const written = this.#pieces.push(lines.join("\n")) - 1 - keptPieces;
    if (written >= 0) this.#pieces[written] = "";
  }
}
