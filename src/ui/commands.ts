import { usageError } from "../errors.ts";
import { textOf } from "../message.ts";
import type { ChatController } from "./chat-controller.ts";
import { done, edit, idle, retry, undo } from "./taking-back.ts";
import { plain, type Candidate } from "./candidate.ts";
import type { ChosenTool } from "./chat-services.ts";

export interface Command {
  readonly name: string;
  readonly argument?: string;
  readonly about: string;
  /** What completion offers as its argument. */
  readonly candidates?: (
    chat: ChatController,
  ) => Promise<readonly Candidate[]> | readonly Candidate[];
  readonly run: (chat: ChatController, argument: string) => Promise<void> | void;
}

const never = new AbortController().signal;

export const commands: readonly Command[] = [
  { name: "help", about: "what there is", run: (chat) => chat.print(helpText()) },
  {
    name: "model",
    argument: "[name]",
    about: "the model, or another one",
    candidates: async (chat) => (await chat.services.listModels(never)).map(plain),
    run: model,
  },
  {
    name: "tools",
    argument: "[on|off name]",
    about: "the tools, or switch one",
    run: tools,
  },
  {
    name: "system",
    argument: "[text]",
    about: "the system prompt, or another one; - for none",
    run: system,
  },
  {
    name: "clear",
    about: "the model forgets what was said",
    run: (chat) =>
      idle(chat, () => (chat.session.clear(), done(chat, "forgotten; the file keeps it"))),
  },
  {
    name: "compact",
    about: "sum up what was said, to make room",
    run: (chat) => idle(chat, () => chat.compact()),
  },
  { name: "sessions", about: "earlier conversations", run: sessions },
  {
    name: "resume",
    argument: "<id>",
    about: "go on with an earlier one",
    candidates: (chat) =>
      chat.services.listSessions().map(({ id, title }) => ({ value: id, about: title })),
    run: resume,
  },
  {
    name: "export",
    argument: "[file]",
    about: "write the conversation as .md, .json or .html",
    run: exportTo,
  },
  { name: "copy", about: "the last answer to the clipboard", run: copy },
  { name: "retry", about: "answer the last message again", run: retry },
  { name: "edit", about: "take the last message back to change it", run: edit },
  { name: "undo", about: "take the last message and its answer back", run: undo },
  { name: "usage", about: "tokens so far", run: usage },
  {
    name: "config",
    about: "settings and where they come from",
    run: async (chat) => chat.print((await chat.services.explainConfig()).trimEnd()),
  },
  {
    name: "theme",
    argument: "<auto|dark|light>",
    about: "colours",
    candidates: () => ["auto", "dark", "light"].map(plain),
    run: theme,
  },
  { name: "exit", about: "leave", run: (chat) => chat.screen.exit() },
];

interface WrittenCommand {
  readonly command: Command;
  readonly argument: string;
}

/** The command that a text is, with its argument, which may have several lines. */
export function commandIn(text: string): WrittenCommand | undefined {
  const [, written = "", argument = ""] = /^\/([a-z]+)(?:\s+([^]*))?$/i.exec(text) ?? [];
  const name = written.toLowerCase() === "quit" ? "exit" : written.toLowerCase();
  const command = commands.find((candidate) => candidate.name === name);
  return command && { command, argument: argument.trim() };
}

/** @throws KimiError for a command that there is not. */
export async function runCommand(chat: ChatController, text: string): Promise<void> {
  const written = commandIn(text);
  if (!written) {
    const [name] = text.split(/\s/, 1);
    throw usageError(`there is no command ${name}`, "/help lists them.");
  }
  await written.command.run(chat, written.argument);
}

function helpText(): string {
  const rows = commands.map(({ name, argument = "", about }): [string, string] => [
    `/${name}${argument === "" ? "" : ` ${argument}`}`,
    about,
  ]);
  const keys: [string, string][] = [
    ["Enter", "send; while the model works, after its answer"],
    ["Ctrl-J", "a new line; also Shift-Enter, or \\ and Enter"],
    ["Ctrl-S", "say it after the current step"],
    ["Esc", "interrupt; what was queued comes back"],
    ["Ctrl-C", "cancel; twice leaves"],
    ["Ctrl-R", "search what was typed before"],
    ["Ctrl-G", "write in $EDITOR"],
    ["Ctrl-O", "show what was folded"],
    ["Ctrl-_", "undo; Alt-R redoes"],
    ["@path", "attach a file"],
    ["!command", "run a command, for the model to see"],
  ];
  const width = Math.max(...[...rows, ...keys].map(([left]) => left.length));
  return [...rows, ["", ""] as const, ...keys]
    .map(([left, right]) => `${left.padEnd(width)}  ${right}`.trimEnd())
    .join("\n");
}

async function model(chat: ChatController, name: string): Promise<void> {
  if (name !== "") return idle(chat, () => chat.setModel(name));
  const names = await chat.services.listModels(never);
  const others = names.filter((other) => other !== chat.resources.modelName);
  chat.print(
    [`the model is ${chat.resources.modelName}`, ...others.map((other) => `  ${other}`)].join("\n"),
  );
}

async function tools(chat: ChatController, argument: string): Promise<void> {
  const chosen = await chat.resources.tools(never);
  const [word = "", label = ""] = argument.split(/\s+/);
  if (word === "") return chat.print(toolRows(chosen));
  if ((word !== "on" && word !== "off") || label === "") {
    throw usageError(`/tools ${argument} is not understood`, "/tools off weather, for one.");
  }
  const isOn = word === "on";
  const known = chosen.some((entry) => entry.label === label || entry.tool.name === label);
  if (!known && !isOn) throw usageError(`there is no tool ${label}`, "/tools lists them.");
  const added: ChosenTool[] = known
    ? []
    : [{ label, tool: await chat.services.openTool(label, never), isOn }];
  const changed = chosen.map((entry) =>
    entry.label === label || entry.tool.name === label ? { ...entry, isOn } : entry,
  );
  chat.resources.setTools([...changed, ...added]);
  chat.print(`${label} is ${word}`);
}

function toolRows(chosen: readonly ChosenTool[]): string {
  if (chosen.length === 0) return "no tools; /tools on weather adds one";
  const width = Math.max(...chosen.map(({ label }) => label.length));
  return chosen
    .map(({ label, tool, isOn }) => {
      const state = isOn ? "on " : "off";
      return `${state}  ${label.padEnd(width)}  ${tool.effect.padEnd(7)}  ${tool.description}`;
    })
    .join("\n");
}

function system(chat: ChatController, text: string): void {
  const { session } = chat;
  if (text !== "") session.setSystem(text === "-" ? "" : text);
  chat.print(session.system === "" ? "no system prompt" : `system prompt: ${session.system}`);
}

function sessions(chat: ChatController): void {
  const rows = chat.services.listSessions().slice(0, 20);
  const lines = rows.map(({ id, changedAt, title }) => {
    const mark = id === chat.session.id ? "*" : " ";
    return `${mark} ${id}  ${changedAt.slice(0, 16).replace("T", " ")}  ${title}`;
  });
  chat.print(
    lines.length === 0 ? "no sessions yet" : [...lines, "/resume goes on with one"].join("\n"),
  );
}

function resume(chat: ChatController, id: string): void {
  if (id === "") throw usageError("/resume needs the id of a session", "/sessions lists them.");
  idle(chat, () => chat.resume(id));
}

function exportTo(chat: ChatController, path: string): void {
  chat.print(
    `written to ${chat.services.exportSession(chat.session, path === "" ? undefined : path)}`,
  );
}

function copy(chat: ChatController): void {
  const last = chat.session.transcript.findLast(
    (message) => message.role === "assistant" && textOf(message) !== "",
  );
  if (!last) throw usageError("there is no answer to copy", "Ask something first.");
  chat.screen.copy(textOf(last));
  chat.print("copied, if the terminal allows it (OSC 52)");
}

function usage(chat: ChatController): void {
  const { usage, contextTokens } = chat.store.state;
  const cached = usage.cachedTokens === undefined ? "" : ` (${usage.cachedTokens} cached)`;
  const window = chat.resources.contextWindow === 0 ? "" : ` of ${chat.resources.contextWindow}`;
  chat.print(
    [
      `tokens in   ${usage.inputTokens}${cached}`,
      `tokens out  ${usage.outputTokens}`,
      `context     ${contextTokens}${window}`,
      `messages    ${chat.session.transcript.length}`,
      `session     ${chat.session.id}`,
    ].join("\n"),
  );
}

function theme(chat: ChatController, name: string): void {
  if (name !== "auto" && name !== "dark" && name !== "light") {
    throw usageError("/theme needs auto, dark or light", "/theme light, for one.");
  }
  chat.screen.setTheme(name);
  chat.print(`the theme is ${name}`);
}
