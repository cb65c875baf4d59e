import stringWidth from "string-width";
import type { Question } from "./chat-state.ts";
import type { Composer } from "./composer/composer-state.ts";
import { layoutComposer } from "./composer/layout.ts";
import type { LiveLines } from "./live-view.ts";
import { expandTabs } from "./markdown/clean-text.ts";
import { renderDiff } from "./markdown/render-diff.ts";
import { breakSpans, wrapText } from "./markdown/wrap.ts";
import { choices, type QuestionState } from "./question-state.ts";
import type { Theme } from "./theme.ts";
import { visible } from "./visible.ts";

export interface QuestionView {
  readonly question: Question;
  readonly state: QuestionState;
  readonly columns: number;
  readonly maxRows: number;
  readonly theme: Theme;
}

/** What a call would do, as much as there is room for, and the four answers. */
export function questionLines(view: QuestionView): LiveLines {
  const { state, columns, theme } = view;
  const tail = state.reason
    ? reasonLines(view, state.reason)
    : { lines: choiceLines(view), cursor: undefined };
  const hint = state.isFocused ? [] : [theme.dim("  Tab answers; what you write stays")];
  const room = Math.max(1, view.maxRows - tail.lines.length - hint.length - 1);
  const whole = subjectLines(view);
  const shown = whole.length <= room ? whole : folded(whole, { room, theme });
  const lines = [fit(titleLine(view), columns), ...shown, ...tail.lines, ...hint];
  const offset = 1 + shown.length;
  return {
    lines: lines.map((line) => fit(line, columns)),
    cursor: tail.cursor && { x: tail.cursor.x, y: tail.cursor.y + offset },
  };
}

/** Everything that a call would do, for the scrollback, where there is no room for it in the question. */
export function wholeQuestion(view: QuestionView): readonly string[] | undefined {
  const whole = subjectLines(view);
  const room = view.maxRows - choices.length - 2;
  return whole.length <= room ? undefined : [titleLine(view), ...whole];
}

function titleLine({ question, theme }: QuestionView): string {
  const verbs = { execute: "run", write: "change", read: "use", network: "use" };
  const verb = verbs[question.effect];
  return `${theme.warning("?")} ${theme.bold(`May ${inLine(question.toolName)} ${verb} this?`)}`;
}

/** Both ends: what is dangerous may stand at the last. */
function folded(
  lines: readonly string[],
  { room, theme }: { readonly room: number; readonly theme: Theme },
): readonly string[] {
  const head = Math.ceil((room - 1) / 2);
  const tail = Math.max(0, room - 1 - head);
  const more = theme.warning(`  … ${lines.length - head - tail} more lines, all of them above`);
  return [...lines.slice(0, head), more, ...(tail === 0 ? [] : lines.slice(-tail))];
}

function subjectLines({ question, columns, theme }: QuestionView): readonly string[] {
  const { preview } = question;
  if (preview?.type === "diff") {
    const counts = ` (${theme.added(`+${preview.added}`)} ${theme.removed(`-${preview.removed}`)})`;
    const diff = { ...preview, diff: visible(preview.diff) };
    const width = Math.max(1, columns - 2);
    const lines = renderDiff(diff, { width, theme, maxLines: Number.POSITIVE_INFINITY });
    return [`  ${theme.code(inLine(preview.path))}${counts}`, ...lines.map((line) => `  ${line}`)];
  }
  return visible(preview?.text ?? question.subject ?? question.summary)
    .split("\n")
    .flatMap((line) => wrapText(expandTabs(line), Math.max(1, columns - 4)))
    .map((line) => `  ${theme.code(line)}`);
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
    const [line = "", ...rest] = breakSpans([{ text: label }], Math.max(1, columns - 1));
    const cut = rest.length === 0 ? line : `${line}…`;
    return isSelected ? theme.accent(cut) : cut;
  });
}

function reasonLines({ columns, theme }: QuestionView, reason: Composer): LiveLines {
  const label = "  no, because: ";
  const width = Math.max(3, columns - label.length);
  const layout = layoutComposer(reason, { width, maxRows: 3 });
  const lines = layout.rows.map(
    ({ text }, index) => (index === 0 ? theme.warning(label) : " ".repeat(label.length)) + text,
  );
  const cursor = { x: stringWidth(label) + layout.cursor.column, y: layout.cursor.row };
  return { lines: [...lines, theme.dim("  Enter says no, Esc goes back")], cursor };
}

/** A text of others as a line in which nothing hides. */
function inLine(text: string): string {
  return expandTabs(visible(text).replaceAll("\n", "⏎"));
}

function fit(line: string, columns: number): string {
  return wrapText(line, columns)[0] ?? "";
}
