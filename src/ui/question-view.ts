import stringWidth from "string-width";
import type { Question } from "./chat-state.ts";
import type { Composer } from "./composer/composer-state.ts";
import { layoutComposer } from "./composer/layout.ts";
import type { LiveLines } from "./live-view.ts";
import { cleanText, expandTabs } from "./markdown/clean-text.ts";
import { renderDiff } from "./markdown/render-diff.ts";
import { wrapText } from "./markdown/wrap.ts";
import { choices, type QuestionState } from "./question-state.ts";
import type { Theme } from "./theme.ts";

export interface QuestionView {
  readonly question: Question;
  readonly state: QuestionState;
  readonly columns: number;
  readonly maxRows: number;
  readonly theme: Theme;
}

/** What a call would do, and the four answers. */
export function questionLines(view: QuestionView): LiveLines {
  const { question, state, columns, theme } = view;
  const verb =
    question.effect === "execute" ? "run" : question.effect === "write" ? "change" : "use";
  const name = inLine(question.toolName);
  const title = `${theme.warning("?")} ${theme.bold(`May ${name} ${verb} this?`)}`;
  const tail = state.reason
    ? reasonLines(view, state.reason)
    : { lines: choiceLines(view), cursor: undefined };
  const isUnseen = !state.isFocused;
  const hint = isUnseen ? [theme.dim("  Tab answers; what you write stays")] : [];
  const room = Math.max(1, view.maxRows - tail.lines.length - hint.length - 1);
  const shown = subjectLines(view, room);
  const lines = [fit(title, columns), ...shown, ...tail.lines, ...hint];
  const offset = 1 + shown.length;
  return {
    lines,
    cursor: tail.cursor && { x: tail.cursor.x, y: tail.cursor.y + offset },
  };
}

function subjectLines({ question, columns, theme }: QuestionView, room: number): string[] {
  const { preview } = question;
  if (preview?.type === "diff") {
    const counts = ` (${theme.added(`+${preview.added}`)} ${theme.removed(`-${preview.removed}`)})`;
    const file = fit(`  ${theme.code(inLine(preview.path))}${counts}`, columns);
    const maxLines = Math.max(1, room - 1);
    const diff = renderDiff(preview, { width: columns - 2, theme, maxLines });
    return [file, ...diff.map((line) => `  ${line}`)].slice(0, room);
  }
  const text = preview?.text ?? question.subject ?? question.summary;
  const lines = cleanText(text)
    .split("\n")
    .flatMap((line) => wrapText(expandTabs(line), Math.max(8, columns - 4)));
  const shown = lines.length <= room ? lines : lines.slice(0, room - 1);
  const more = lines.length - shown.length;
  return [
    ...shown.map((line) => `  ${theme.code(line)}`),
    ...(more > 0 ? [theme.dim(`  … ${more} more lines`)] : []),
  ];
}

function choiceLines({ question, state, columns, theme }: QuestionView): string[] {
  const rule = inLine(question.rule);
  const labels = {
    once: "yes, once",
    session: `yes, in this session: ${rule}`,
    always: `always: ${rule}`,
    no: "no, and say why",
  };
  return choices.map((choice, index) => {
    const isSelected = state.isFocused && index === state.selected;
    const label = `${isSelected ? "▸" : " "} ${index + 1} ${labels[choice]}`;
    return fit(isSelected ? theme.accent(label) : label, columns);
  });
}

function reasonLines({ columns, theme }: QuestionView, reason: Composer): LiveLines {
  const label = "  no, because: ";
  const width = Math.max(8, columns - label.length);
  const layout = layoutComposer(reason, { width, maxRows: 3 });
  const lines = layout.rows.map(
    ({ text }, index) => (index === 0 ? theme.warning(label) : " ".repeat(label.length)) + text,
  );
  const cursor = { x: stringWidth(label) + layout.cursor.column, y: layout.cursor.row };
  return { lines: [...lines, theme.dim("  Enter says no, Esc goes back")], cursor };
}

/** A text of others as a line without control characters. */
function inLine(text: string): string {
  return expandTabs(cleanText(text).replaceAll("\n", " "));
}

function fit(line: string, columns: number): string {
  return wrapText(line, columns)[0] ?? "";
}
