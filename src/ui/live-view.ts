/** The part of the screen that changes, as lines: what streams, what runs, the composer, the status. Pure. */
import stringWidth from "string-width";
import type { ChatState, LiveCall, Working } from "./chat-state.ts";
import type { Composer } from "./composer/composer-state.ts";
import { layoutComposer, type ComposerLayout, type LayoutOptions } from "./composer/layout.ts";
import { searchMatch } from "./composer/history-search.ts";
import { formatCount, formatDuration } from "./format.ts";
import { armedMs, type InputState } from "./input-state.ts";
import { cleanText, expandTabs } from "./markdown/clean-text.ts";
import { breakSpans, wrapText } from "./markdown/wrap.ts";
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
const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/** How often the spinner turns. */
export const spinnerMs = 125;

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

/** What is being done: calls that run, thinking, progress; what waits to be said. */
function activityLines(view: LiveView): string[] {
  const { chat, theme, columns, now } = view;
  const frame = spinner[Math.floor(now / spinnerMs) % spinner.length] ?? "";
  const lines = [
    ...callsShown(chat).flatMap((call) => callLines(call, view, frame)),
    ...thinkingLines(view, frame),
    ...workLines(view, frame),
  ];
  const waiting = [
    ...chat.steering.map((text) => `↳ ${text}`),
    ...chat.queued.map((text) => `⏵ ${text}`),
  ].map((text) => theme.dim(oneLine(text, columns)));
  return lines.length === 0 && waiting.length === 0 ? [] : ["", ...lines, ...waiting];
}

const doing = {
  asking: "waiting for the model",
  compacting: "summing up the conversation",
  opening: "opening the model",
  command: "running",
} as const satisfies Record<Working["what"], string>;

/** What is asked about is shown in the question. */
function callsShown({ calls, question }: ChatState): readonly LiveCall[] {
  return question ? calls.filter(({ id }) => id !== question.callId) : calls;
}

function oneLine(text: string, columns: number): string {
  const flat = expandTabs(cleanText(text.slice(0, 1_000)).replaceAll(/\s+/g, " ")).trim();
  const [line = "", ...rest] = breakSpans([{ text: flat }], Math.max(1, columns - 1));
  return rest.length > 0 ? `${line.trimEnd()}…` : line;
}

function callLines(call: LiveCall, { theme, columns, now }: LiveView, frame: string): string[] {
  const took = formatDuration(call.ended?.durationMs ?? now - call.startedAt);
  const mark = call.ended ? theme.success("✓") : theme.accent(frame);
  const output = expandTabs(cleanText(call.output))
    .trimEnd()
    .split("\n")
    .slice(-3)
    .filter((line) => line !== "")
    .map((line) => theme.dim(`  ${wrapText(line, Math.max(1, columns - 2))[0] ?? ""}`));
  return [`${mark} ${oneLine(call.summary, columns - 12)} ${theme.dim(took)}`, ...output];
}

function thinkingLines(
  { chat, theme, columns, now, showsThinking }: LiveView,
  frame: string,
): string[] {
  const { thinking } = chat;
  if (!thinking) return [];
  const took = formatDuration(now - thinking.startedAt);
  const head = `${theme.accent(frame)} ${theme.dim(`thinking ${took}${showsThinking ? "" : " (Ctrl-O shows it)"}`)}`;
  if (!showsThinking) return [head];
  const tail = wrapText(
    expandTabs(cleanText(thinking.text.slice(-2_000))),
    Math.max(1, columns - 2),
  );
  return [head, ...tail.slice(-6).map((line) => theme.dim(`  ${line}`))];
}

function workLines({ chat, theme, columns, now }: LiveView, frame: string): string[] {
  const { working } = chat;
  if (!working || chat.question) return [];
  const { progress, writing, what, startedAt } = working;
  if (progress && progress.total > 0) {
    const label = progress.phase === "load" ? "loading the model" : "reading the prompt";
    return [bar({ label, part: progress.done / progress.total, columns, theme })];
  }
  if (writing) {
    const size = writing.characters < 100 ? "" : `, ${formatCount(writing.characters)} characters`;
    return [
      `${theme.accent(frame)} ${theme.dim(`writing a call of ${oneLine(writing.name, 40)}${size}`)}`,
    ];
  }
  if (chat.calls.length > 0 || chat.thinking || chat.isAnswering) return [];
  return [
    `${theme.accent(frame)} ${theme.dim(`${doing[what]} ${formatDuration(now - startedAt)}`)}`,
  ];
}

interface Bar {
  readonly label: string;
  /** 0 to 1. */
  readonly part: number;
  readonly columns: number;
  readonly theme: Theme;
}

function bar({ label, part, columns, theme }: Bar): string {
  const clamped = Math.min(1, Math.max(0, part));
  const width = Math.max(4, Math.min(40, columns - label.length - 10));
  const full = Math.round(width * clamped);
  const percent = `${Math.floor(clamped * 100)} %`;
  return `${label} ${theme.accent("█".repeat(full))}${theme.dim("░".repeat(width - full))} ${percent}`;
}

/** Model, tokens in and out, context, speed, time: as many as fit. */
function statusLine({ chat, theme, columns, model, contextWindow, now }: LiveView): string {
  const { usage, working, tokensPerSecond } = chat;
  // Until the reply's own count comes, about one token for four characters.
  const streamed = Math.round((working?.characters ?? 0) / 4);
  const context = chat.contextTokens + streamed;
  const seconds = working?.firstTokenAt === undefined ? 0 : (now - working.firstTokenAt) / 1000;
  const speed = streamed > 0 && seconds > 0.3 ? streamed / seconds : tokensPerSecond;
  const parts = [
    expandTabs(cleanText(model)).replaceAll("\n", " "),
    `↑${formatCount(usage.inputTokens)} ↓${streamed > 0 ? "~" : ""}${formatCount(usage.outputTokens + streamed)}`,
    contextWindow > 0
      ? `${Math.min(100, Math.round((100 * context) / contextWindow))} % of ${formatCount(contextWindow)}`
      : context > 0
        ? `${formatCount(context)} context`
        : "",
    speed === undefined ? "" : `${speed < 10 ? speed.toFixed(1) : Math.round(speed)} tok/s`,
    working && !chat.question ? `${Math.floor((now - working.startedAt) / 1000)} s` : "",
  ].filter((part) => part !== "");
  let line = "";
  for (const part of parts) {
    const longer = line === "" ? part : `${line} · ${part}`;
    if (stringWidth(longer) > columns - 1) break;
    line = longer;
  }
  return theme.dim(line === "" ? oneLine(parts[0] ?? "", columns) : line);
}
