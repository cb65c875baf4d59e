/** What is being done, and what it took: the lines above and below the composer. Pure. */
import stringWidth from "string-width";
import type { ChatState, LiveCall, Working } from "./chat-state.ts";
import { formatCount, formatDuration } from "./format.ts";
import type { LiveView } from "./live-view.ts";
import { cleanText, expandTabs } from "./markdown/clean-text.ts";
import { breakSpans, wrapText } from "./markdown/wrap.ts";
import type { Theme } from "./theme.ts";

const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/** How often the spinner turns. */
export const spinnerMs = 125;

/** What is being done: calls that run, thinking, progress; what waits to be said. */
export function activityLines(view: LiveView): string[] {
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
export function statusLine({ chat, theme, columns, model, contextWindow, now }: LiveView): string {
  const { usage, working, tokensPerSecond } = chat;
  // Until the reply's own count comes, about one token for four characters.
  const streamed = Math.round((working?.characters ?? 0) / 4);
  const context = chat.contextTokens + streamed;
  const seconds = working?.firstTokenAt === undefined ? 0 : (now - working.firstTokenAt) / 1000;
  const speed = streamed > 0 && seconds > 0.3 ? streamed / seconds : tokensPerSecond;
  const parts = [
    shortened(expandTabs(cleanText(model)).replaceAll("\n", " "), Math.max(12, columns / 3)),
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

/** The end of a long name says more than its start, which may be a path. */
function shortened(name: string, columns: number): string {
  return stringWidth(name) <= columns
    ? name
    : `…${Array.from(name)
        .slice(-Math.floor(columns / 2))
        .join("")}`;
}
