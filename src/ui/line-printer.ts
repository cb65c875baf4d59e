import { withoutControls } from "../render/text.ts";
import type { Print, Question } from "./chat-state.ts";
import { foldLines } from "./fold.ts";
import { formatDuration } from "./format.ts";

/** Lines of a tool's output that are shown. */
const shownOutput = 10;

/** What happens, as plain lines without a single escape sequence. */
export class LinePrinter {
  readonly #write: (text: string) => void;
  #isInLine = false;
  #isPrompted = false;
  #asked: Question | undefined;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  print(item: Print): void {
    switch (item.type) {
      case "text":
        return this.#text(item.text);
      case "text-end":
        return this.#endLine();
      case "user":
        return; // it is there, where it was typed
      case "thinking":
        return this.line(`Thought for ${formatDuration(item.durationMs)}.`);
      case "tool": {
        const { summary, outcome, durationMs, display } = item;
        const took = durationMs === undefined ? "" : `, ${formatDuration(durationMs)}`;
        this.line(`Tool: ${summary}: ${outcome}${took}`);
        const text = display.type === "diff" ? display.diff : display.text;
        const lines = text
          .trimEnd()
          .split("\n")
          .map((line) => `  ${line}`);
        const shown = foldLines(lines, { limit: shownOutput, style: (more) => more, hint: "" });
        if (text.trim() !== "") for (const line of shown) this.line(line);
        return;
      }
      case "notice": {
        const prefix = item.level === "info" ? "" : `${item.level}: `;
        for (const line of `${prefix}${item.text}`.split("\n")) this.line(line);
        return;
      }
      case "lines":
        for (const line of item.lines) this.line(line);
        return;
      default:
        item satisfies never;
    }
  }

  /** What was said before this program was started, by both. */
  replay(item: Print): void {
    if (item.type === "user") this.line(`> ${item.text}`);
    else this.print(item);
  }

  /** Puts a question, once. */
  ask(question: Question | undefined): void {
    if (question === this.#asked) return;
    this.#asked = question;
    if (!question) return;
    const { toolName, summary, subject, preview, rule } = question;
    this.line(`May ${toolName} do this? ${summary}`);
    const text = preview?.type === "diff" ? preview.diff : (preview?.text ?? subject ?? "");
    for (const line of text.trimEnd().split("\n")) this.line(`  ${line}`);
    this.line(`1: once. 2: in this session, ${rule}. 3: always, ${rule}. 4: no, and say why.`);
  }

  prompt(): void {
    if (this.#isPrompted) return;
    this.#endLine();
    this.#write("> ");
    this.#isPrompted = true;
  }

  /** A line was typed, with its end. */
  typed(): void {
    this.#isPrompted = false;
  }

  line(text: string): void {
    this.#endLine();
    this.#write(`${withoutControls(text)}\n`);
  }

  #text(text: string): void {
    const clean = withoutControls(text);
    if (clean === "") return;
    this.#leavePrompt();
    this.#write(clean);
    this.#isInLine = !clean.endsWith("\n");
  }

  #leavePrompt(): void {
    if (this.#isPrompted) this.#write("\n");
    this.#isPrompted = false;
  }

  #endLine(): void {
    this.#leavePrompt();
    if (this.#isInLine) this.#write("\n");
    this.#isInLine = false;
  }
}
