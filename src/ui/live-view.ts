/** The part of the screen that changes, as lines: what streams, what runs, the composer, the status. Pure. */
import stringWidth from "string-width";
import type { ChatState } from "./chat-state.ts";
import type { Composer } from "./composer/composer-state.ts";
import { layoutComposer, type ComposerLayout, type LayoutOptions } from "./composer/layout.ts";
import { searchMatch } from "./composer/history-search.ts";
import { activityLines, statusLine } from "./activity-view.ts";
import { armedMs, type InputState } from "./input-state.ts";
import { cleanText, expandTabs } from "./markdown/clean-text.ts";
import { wrapText } from "./markdown/wrap.ts";
import { questionLines } from "./question-view.ts";
import type { QuestionState } from "./question-state.ts";
import type { Theme } from "./theme.ts";

export interface LiveView {
  readonly chat: ChatState;
  readonly input: InputState;
  readonly question: QuestionState | undefined;
  readonly columns: number;
  readonly rows: number;
  readonly theme: Theme;
  /** Milliseconds, of the clock of the state. */
  readonly now: number;
  readonly model: string;
  /** Tokens; 0 where it is not known. */
  readonly contextWindow: number;
  readonly showsThinking: boolean;
  /** What of the answer is not final yet, at most so many lines. */
  readonly pending: (maxLines: number) => readonly string[];
  /** What a candidate of the popup is. */
  readonly about: (candidate: string) => string;
}

export interface LiveLines {
  /** At most `rows - 1`, each at most `columns` wide. */
  readonly lines: readonly string[];
  /** Of the real cursor, in `lines`; `undefined` hides it. */
  readonly cursor: { readonly x: number; readonly y: number } | undefined;
}

const prompt = "❯ ";
const mostComposerRows = 10;
const mostCandidates = 6;

export function renderLive(view: LiveView): LiveLines {
  const height = Math.max(1, view.rows - 1);
  const below = bottomOf(view, Math.max(1, height - 2));
  const status = statusLine(view);
  const room = height - below.lines.length - 1;
  const activity = activityLines(view).slice(-Math.max(0, room));
  const pending = room > activity.length ? view.pending(room - activity.length - 1) : [];
  const above = [...pending, ...activity];
  const spacer = above.length + below.lines.length + 1 < height ? [""] : [];
  const top = [...above, ...spacer];
  const all = [...top, ...below.lines, status];
  const lines = all.slice(-height).map((line) => fitted(line, view.columns));
  const { cursor } = below;
  if (!cursor) return { lines, cursor };
  const y = cursor.y + top.length - (all.length - lines.length);
  // In a window of a row or two there is no room for it.
  return { lines, cursor: y < 0 ? undefined : { x: Math.min(cursor.x, view.columns - 1), y } };
}

/** A last resort: a line that is too wide would break the frame. */
function fitted(line: string, columns: number): string {
  if (stringWidth(line) <= columns) return line;
  const [first = ""] = wrapText(line, columns);
  return stringWidth(first) <= columns ? first : ""; // a wide character in one column
}

/** A text of others as a line without control characters. */
function inLine(text: string): string {
  return expandTabs(cleanText(text).replaceAll("\n", " "));
}

/** The composer, or what is asked instead of it. */
function bottomOf(view: LiveView, maxRows: number): LiveLines {
  const { question } = view.chat;
  if (question && view.question) {
    const asked = { question, state: view.question, columns: view.columns, theme: view.theme };
    const rows = view.question.isFocused ? maxRows : maxRows - 4;
    const shown = questionLines({ ...asked, maxRows: Math.max(4, rows) });
    if (view.question.isFocused) return shown;
    const composer = composerLines(view, 3);
    const cursor = composer.cursor && {
      ...composer.cursor,
      y: composer.cursor.y + shown.lines.length,
    };
    return { lines: [...shown.lines, ...composer.lines], cursor };
  }
  return composerLines(view, maxRows);
}

function composerLines(view: LiveView, maxRows: number): LiveLines {
  const { input, theme, columns } = view;
  if (input.search) return searchLines(view);
  const popup = popupLines(view, Math.min(mostCandidates, maxRows - 1));
  const rows = Math.min(mostComposerRows, Math.max(1, maxRows - popup.length));
  const width = Math.max(1, columns - prompt.length);
  const layout = layoutOf(input.composer, { width, maxRows: rows });
  const isShell = input.composer.text.startsWith("!");
  const lines = layout.rows.map(({ text, labels }, index) => {
    const mark = index === 0 && layout.hiddenAbove === 0 ? prompt : "  ";
    const shown = labels.reduceRight(
      (line, { from, to }) =>
        line.slice(0, from) + theme.accent(line.slice(from, to)) + line.slice(to),
      text,
    );
    return (isShell ? theme.warning(mark) : theme.user(mark)) + shown;
  });
  if (input.composer.text === "") lines[0] = theme.user(prompt) + theme.dim(placeholder(view));
  const cursor = { x: prompt.length + layout.cursor.column, y: layout.cursor.row };
  return { lines: [...lines, ...popup], cursor };
}

/** While an answer streams the composer is the same, frame after frame. */
const layouts = new WeakMap<Composer, { readonly key: string; readonly layout: ComposerLayout }>();

function layoutOf(composer: Composer, options: LayoutOptions): ComposerLayout {
  const key = `${options.width} ${options.maxRows}`;
  const known = layouts.get(composer);
  if (known?.key === key) return known.layout;
  const layout = layoutComposer(composer, options);
  layouts.set(composer, { key, layout });
  return layout;
}

function placeholder({ chat, input, now, columns }: LiveView): string {
  if (input.armedAt !== undefined && now - input.armedAt < armedMs) return "Ctrl-C again leaves";
  if (chat.working)
    return columns < 60 ? "Esc interrupts" : "Esc interrupts, Enter queues, Ctrl-S steers";
  return columns < 60 ? "Ask, or /help" : "Ask something, @file attaches, /help lists commands";
}

function searchLines({ input, theme, columns }: LiveView): LiveLines {
  const query = input.search?.query ?? "";
  const match = input.search && searchMatch(input.history, input.search);
  const label = `history: ${inLine(query)}`;
  const found = match
    ? expandTabs(cleanText(match.text).replaceAll("\n", " ⏎ ")).slice(0, 500)
    : query === ""
      ? ""
      : "(nothing found)";
  const [line = ""] = wrapText(`${label}  ${theme.dim(found)}`, columns);
  return { lines: [line], cursor: { x: stringWidth(label), y: 0 } };
}

function popupLines({ input, theme, columns, about }: LiveView, most: number): string[] {
  const { popup } = input;
  if (!popup || most < 1) return [];
  const { candidates, selected } = popup;
  const start = Math.max(0, Math.min(selected - Math.floor(most / 2), candidates.length - most));
  const shown = candidates.slice(start, start + most);
  const mark = popup.place.kind === "command" ? "/" : popup.place.kind === "path" ? "@" : "";
  const width = Math.min(40, Math.max(...shown.map((item) => stringWidth(item) + mark.length)));
  return shown.map((candidate, index) => {
    const isSelected = start + index === selected;
    const name = mark + inLine(candidate);
    const padding = " ".repeat(Math.max(1, width + 2 - stringWidth(name)));
    const text = `${isSelected ? "▸" : " "} ${isSelected ? theme.accent(name) : name}${padding}${theme.dim(inLine(about(candidate)))}`;
    return wrapText(text, columns)[0] ?? "";
  });
}
